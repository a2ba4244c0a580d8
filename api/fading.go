package api

import "time"

// fading is a map that forgets: an entry is there for at least one span after it was put, and gone after two. It has
// no goroutine and no list; it turns over when it is used.
type fading[V any] struct {
	span      time.Duration
	turned    time.Time
	now, last map[string]V // of this span, and of the one before
}

func newFading[V any](span time.Duration) fading[V] {
	return fading[V]{span: span, now: map[string]V{}, last: map[string]V{}}
}

func (f *fading[V]) get(key string, at time.Time) (V, bool) {
	f.turn(at)
	if v, ok := f.now[key]; ok {
		return v, true
	}
	v, ok := f.last[key]
	return v, ok
}

func (f *fading[V]) put(key string, v V, at time.Time) {
	f.turn(at)
	f.now[key] = v
}

func (f *fading[V]) turn(at time.Time) {
	passed := at.Sub(f.turned)
	if passed < f.span && passed >= 0 {
		return
	}
	f.now, f.last = f.last, f.now
	clear(f.now)
	if passed >= 2*f.span {
		clear(f.last)
	}
	f.turned = at
}
