package docspage_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/rollcall-dev/rollcall/api/docspage"
)

// discarded is a client that takes everything and keeps nothing.
type discarded struct{ h http.Header }

func (d discarded) Header() http.Header         { return d.h }
func (d discarded) Write(b []byte) (int, error) { return len(b), nil }
func (d discarded) WriteHeader(int)             {}

func TestAFileIsUnpackedOnceForAllWhoAskForIt(t *testing.T) {
	r := httptest.NewRequest(http.MethodGet, "/docs/swagger-ui-bundle.js", nil)
	serve := func() {
		if found, err := docspage.ServeFile(discarded{http.Header{}}, r, "swagger-ui-bundle.js"); !found || err != nil {
			t.Fatal(found, err)
		}
	}
	serve()
	if bytes := testing.Benchmark(func(b *testing.B) {
		for range b.N {
			serve()
		}
	}).AllocedBytesPerOp(); bytes > 16<<10 {
		t.Errorf("each takes %d bytes", bytes)
	}
}
