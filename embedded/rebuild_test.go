package embedded_test

import (
	"runtime/debug"
	"runtime/metrics"
	"sync"
	"testing"

	"github.com/rollcall-dev/rollcall/embedded"
	"github.com/rollcall-dev/rollcall/projections/mirror"
)

func TestARebuildLeavesTheCollectorToTheProcess(t *testing.T) {
	dir := t.TempDir()
	n := run(t, embedded.Config{DataDir: dir})
	n.online(token(t, claimsOf("alice")))
	n.stop()
	defer debug.SetGCPercent(debug.SetGCPercent(77))
	limit := debug.SetMemoryLimit(-1)
	looked := false
	look := sync.OnceFunc(func() {
		looked = true
		is := []metrics.Sample{{Name: "/gc/gogc:percent"}, {Name: "/gc/gomemlimit:bytes"}}
		metrics.Read(is)
		if percent := is[0].Value.Uint64(); percent != 77 {
			t.Errorf("the target is %d percent meanwhile", percent)
		}
		if memory := is[1].Value.Uint64(); memory != uint64(limit) {
			t.Errorf("the limit of memory is %d meanwhile, not %d", memory, limit)
		}
	})
	if _, err := embedded.Rebuild(t.Context(), embedded.Config{DataDir: dir}, mirror.Both, func(mirror.Progress) { look() }); err != nil {
		t.Fatal(err)
	}
	if !looked {
		t.Error("it reported nothing")
	}
}
