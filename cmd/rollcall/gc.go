package main

import (
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

const (
	// gcRoom is how much garbage, in bytes, may gather beside a live heap of
	// middling size before the collector runs. Each run is felt: with 96 MiB the
	// p99.9 of heartbeats beside 200,000 sessions was half as long again.
	gcRoom = 224 << 20
	// gcLeast and gcMost bound what the collector is set to, in percent of the
	// live heap: a small heap is collected seldom, and a large one, which a
	// million sessions make, is not allowed to grow to twice its size.
	gcLeast = 25
	gcMost  = 400
)

// tuneCollector sets the garbage collector by the size of the live heap, again
// after each of its cycles. It does nothing where the environment says how the
// collector is to be set.
func tuneCollector() {
	if os.Getenv("GOGC") != "" || os.Getenv("GOMEMLIMIT") != "" {
		return
	}
	tuneTo(0)
	go giveBack()
}

const (
	// backEvery is how often unused memory is looked for.
	backEvery = 10 * time.Second
	// backBusy is how many bytes are allocated in that time where nobody is to be
	// disturbed: to give memory back takes a whole collection, which requests feel.
	backBusy = 10 << 20
	// backLeast is how much of it, in bytes, is worth a collection, beside a
	// sixteenth of the live heap, by which a collection's cost grows.
	backLeast = 24 << 20
)

// giveBack gives memory back that a burst has left, a storm of logins or a
// rebuild, once there is next to nothing to do. The runtime does so by itself
// only while it is busy.
func giveBack() {
	const allocated, free, objects, live = 0, 1, 2, 3
	s := []metrics.Sample{
		allocated: {Name: "/gc/heap/allocs:bytes"},
		free:      {Name: "/memory/classes/heap/free:bytes"},
		objects:   {Name: "/memory/classes/heap/objects:bytes"},
		live:      {Name: "/gc/heap/live:bytes"},
	}
	var before uint64
	for range time.Tick(backEvery) {
		metrics.Read(s)
		used, kept := s[objects].Value.Uint64(), s[live].Value.Uint64()
		quiet := s[allocated].Value.Uint64()-before < backBusy
		before = s[allocated].Value.Uint64()
		if garbage := used - min(used, kept); quiet && s[free].Value.Uint64()+garbage > backLeast+kept/16 {
			debug.FreeOSMemory()
		}
	}
}

// tuneTo sets the collector, which was at percent, and leaves an object that
// makes the end of the next cycle do so too.
func tuneTo(before int) {
	live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(live)
	percent := gcMost
	if n := live[0].Value.Uint64(); n > 0 {
		percent = int(min(max(gcRoom*100/n, gcLeast), gcMost))
	}
	if percent != before { // it stops the world
		debug.SetGCPercent(percent)
	}
	sentinel := new([64]byte)
	runtime.AddCleanup(sentinel, tuneTo, percent)
	runtime.KeepAlive(sentinel)
}
