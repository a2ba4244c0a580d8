package loadgen

import (
	"context"
	"errors"
	"net/http"
	"sync/atomic"
	"testing"
	"time"
)

func TestANodeIsReadyWhenItNoLongerSays503(t *testing.T) {
	var asked atomic.Int64
	p := &process{began: time.Now(), server: server{name: "node", url: serverOf(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if asked.Add(1) < 3 {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	}))}}
	if err := p.awaitReady(t.Context()); err != nil {
		t.Fatal(err)
	}
	if asked.Load() != 3 || p.ready <= 0 {
		t.Errorf("asked %d times, ready after %s", asked.Load(), p.ready)
	}
}

func TestTheEndOfANodeEndsTheWaitForIt(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	p := &process{began: time.Now(), server: server{name: "node", url: serverOf(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusServiceUnavailable)
		cancel(ErrEnded)
	}))}}
	if err := p.awaitReady(ctx); !errors.Is(err, ErrEnded) {
		t.Errorf("got %v, want ErrEnded", err)
	}
}
