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
	// middling size before the collector runs.
	gcRoom = 96 << 20
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
	backEvery = 15 * time.Second
	// backLeast is how much of it, in bytes, is kept for the next burst.
	backLeast = 48 << 20
)

// giveBack gives memory back that a burst has left, a storm of logins or a
// rebuild: the runtime does so by itself, but takes its time.
func giveBack() {
	heap := []metrics.Sample{{Name: "/memory/classes/heap/free:bytes"}, {Name: "/gc/heap/live:bytes"}}
	for range time.Tick(backEvery) {
		metrics.Read(heap)
		if free := heap[0].Value.Uint64(); free > backLeast+heap[1].Value.Uint64()*gcLeast/100 {
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
