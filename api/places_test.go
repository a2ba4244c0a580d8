package api

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

func mustTake(t *testing.T, p *places, user string) (back func()) {
	t.Helper()
	back, err := p.take(t.Context(), user)
	if err != nil {
		t.Fatal(err)
	}
	return back
}

func TestAUserWithManyRequestsWaitsForThemselves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlaces(2, 1, time.Minute)
		back := mustTake(t, p, "mallory")
		for range placesQueue { // who wait behind it
			go func() {
				if back, err := p.take(t.Context(), "mallory"); err == nil {
					<-time.After(time.Second)
					back()
				}
			}()
		}
		synctest.Wait()
		if _, err := p.take(t.Context(), "mallory"); !errors.Is(err, errPlaces) {
			t.Errorf("one more that waits: %v", err)
		}
		began := time.Now()
		mustTake(t, p, "root")() // at once, though others came before
		if time.Since(began) > 0 {
			t.Errorf("an admin waited for %s", time.Since(began))
		}
		back()
		<-time.After(time.Minute)
		p.mu.Lock()
		defer p.mu.Unlock()
		if len(p.claimants) != 0 || p.taken != 0 || len(p.turns) != 0 {
			t.Errorf("%d claimants, %d taken, %d turns are left", len(p.claimants), p.taken, len(p.turns))
		}
	})
}

func TestThoseWhoWaitGetTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlaces(1, 1, time.Minute)
		back := mustTake(t, p, "first")
		order := make(chan string, 4)
		for _, user := range []string{"mallory", "mallory", "mallory", "root"} {
			go func() {
				defer mustTake(t, p, user)()
				order <- user
			}()
			synctest.Wait()
		}
		back()
		synctest.Wait()
		if a, b := <-order, <-order; a != "mallory" || b != "root" {
			t.Errorf("%s, then %s", a, b)
		}
	})
}

func TestNobodyWaitsForAPlaceForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlaces(1, 1, 5*time.Second)
		back := mustTake(t, p, "first")
		began := time.Now()
		if _, err := p.take(t.Context(), "second"); !errors.Is(err, errPlaces) || time.Since(began) != 5*time.Second {
			t.Errorf("%v after %s", err, time.Since(began))
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := p.take(ctx, "second"); !errors.Is(err, errPlaces) {
			t.Errorf("one who has gone: %v", err)
		}
		back()
		mustTake(t, p, "second")() // which nothing holds back
	})
}

func TestSharesAreBoundedByUserAndInAll(t *testing.T) {
	s := newShares(3)
	a, b := s.take("a", 2), s.take("a", 2)
	if a == nil || b == nil || s.take("a", 2) != nil {
		t.Error("not two of one user")
	}
	c := s.take("c", 2)
	if c == nil || s.take("d", 2) != nil {
		t.Error("not three in all")
	}
	a()
	a() // which counts once
	if s.take("d", 2) == nil || s.take("e", 2) != nil {
		t.Error("what ended leaves no room, or too much")
	}
}

func TestWhatNobodyLimitsIsPaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := new(pace)
		began := time.Now()
		for range paceBurst {
			p.keep(t.Context(), 1)
		}
		if time.Since(began) > 0 {
			t.Error("those that there may be had to wait")
		}
		p.keep(t.Context(), 4)
		if got := time.Since(began); got != 4*paceRest {
			t.Errorf("what is four times as costly waited for %s", got)
		}
		began = time.Now()
		p.keep(t.Context(), 1)
		if time.Since(began) > 0 {
			t.Error("a second later it still waits")
		}
	})
}
