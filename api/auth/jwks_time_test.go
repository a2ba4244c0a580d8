package auth

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"
	"time"
)

// inBubble runs test with a running verifier of i, in fake time.
func (i *issuer) inBubble(t *testing.T, test func(t *testing.T, v *Verifier)) {
	t.Helper()
	rsaKey() // made outside: it takes real time
	rsaKey2()
	synctest.Test(t, func(t *testing.T) {
		v := newVerifier(t, i.offline())
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		go func() { _ = v.Run(ctx) }()
		synctest.Wait()
		test(t, v)
	})
}

// lasting are claims that hold for the hours that a bubble lives.
func lasting(user string) obj {
	return obj{"sub": user, "exp": time.Now().Add(1000 * time.Hour).Unix()}
}

// pass lets fake time go by.
func pass(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

func TestWithdrawnKeyEndsWithTheNextRefresh(t *testing.T) {
	id := newIssuer(publicRSA("a"), publicRSA2("b"))
	id.inBubble(t, func(t *testing.T, v *Verifier) {
		a, b := signed(rs256, "a", rsaKey(), lasting("alice")), signed(rs256, "b", rsaKey2(), lasting("bob"))
		if err := errors.Join(verifyErr(v, a), verifyErr(v, b)); err != nil {
			t.Fatal(err)
		}
		id.publish(publicRSA("a"))
		pass(refreshEvery * 11 / 10)
		if err := verifyErr(v, a); err != nil {
			t.Errorf("the key that stayed: %v", err)
		}
		if err := verifyErr(v, b); !errors.Is(err, ErrInvalid) {
			t.Errorf("the withdrawn key: error %v, want ErrInvalid", err)
		}
	})
}

func TestChangedKeyUnderTheSameKid(t *testing.T) {
	id := newIssuer(publicRSA("a"))
	id.inBubble(t, func(t *testing.T, v *Verifier) {
		before, after := signed(rs256, "a", rsaKey(), lasting("alice")), signed(rs256, "a", rsaKey2(), lasting("alice"))
		if err := verifyErr(v, before); err != nil {
			t.Fatal(err)
		}
		id.publish(publicRSA2("a"))
		pass(refreshEvery * 11 / 10)
		if err := verifyErr(v, before); !errors.Is(err, ErrInvalid) {
			t.Errorf("the former key: error %v, want ErrInvalid", err)
		}
		if err := verifyErr(v, after); err != nil {
			t.Errorf("the present key: %v", err)
		}
	})
}

// TestFloodCannotStarveARotation: while made-up kids use up every refresh, a real new key counts within askEvery.
func TestFloodCannotStarveARotation(t *testing.T) {
	id := newIssuer(publicRSA("old"))
	id.inBubble(t, func(t *testing.T, v *Verifier) {
		const lasts = 4 * time.Minute
		fresh := signed(rs256, "new", rsaKey2(), lasting("alice"))
		begin, rotated := time.Now(), time.Time{}
		var accepted time.Time
		for i := 0; time.Since(begin) < lasts; i++ {
			pass(200 * time.Millisecond)
			_ = verifyErr(v, signed(eddsa, fmt.Sprint(i), ed25519Key(), lasting("mallory")))
			if rotated.IsZero() && time.Since(begin) >= 40*time.Second {
				id.publish(publicRSA2("new"))
				rotated = time.Now()
			}
			if !rotated.IsZero() && accepted.IsZero() && verifyErr(v, fresh) == nil {
				accepted = time.Now()
			}
		}
		if accepted.IsZero() || accepted.Sub(rotated) > askEvery+time.Second {
			t.Errorf("rotated at %s, accepted at %s", rotated.Sub(begin), accepted.Sub(begin))
		}
		if got, most := id.fetched(), 2+int(lasts/askEvery); got > most {
			t.Errorf("%d fetches in %s, want %d at most", got, lasts, most)
		}
	})
}

// TestHangingIssuerHoldsNobodyUp: an unknown kid waits a second at most, the next ones not at all.
func TestHangingIssuerHoldsNobodyUp(t *testing.T) {
	id := newIssuer(publicRSA("a"))
	id.inBubble(t, func(t *testing.T, v *Verifier) {
		id.stall()
		for i := range 20 {
			begin := time.Now()
			err := verifyErr(v, signed(eddsa, fmt.Sprint(i), ed25519Key(), lasting("mallory")))
			if took := time.Since(begin); !errors.Is(err, ErrInvalid) || took > refreshWait {
				t.Errorf("token %d: error %v after %s", i, err, took)
			}
		}
		if err := verifyErr(v, signed(rs256, "a", rsaKey(), lasting("alice"))); err != nil {
			t.Errorf("a known key meanwhile: %v", err)
		}
	})
}

func TestLastGoodKeysAreUsedUntilTooOld(t *testing.T) {
	id := newIssuer(publicRSA("a"))
	id.inBubble(t, func(t *testing.T, v *Verifier) {
		token := signed(rs256, "a", rsaKey(), lasting("alice"))
		id.answer(http.StatusInternalServerError, "")
		pass(keysMaxAge - time.Hour)
		if err := errors.Join(verifyErr(v, token), v.Ready()); err != nil {
			t.Errorf("before the keys are too old: %v", err)
		}
		pass(time.Hour + 2*retryMost)
		if err := verifyErr(v, token); !errors.Is(err, ErrUnavailable) {
			t.Errorf("remembered token of keys too old: error %v, want ErrUnavailable", err)
		}
		if err := v.Ready(); !errors.Is(err, ErrUnavailable) {
			t.Errorf("Ready: %v, want ErrUnavailable", err)
		}
		id.publish(publicRSA("a"))
		pass(2 * retryMost)
		if err := errors.Join(verifyErr(v, token), v.Ready()); err != nil {
			t.Errorf("after the issuer came back: %v", err)
		}
	})
}

// TestBrokenAnswersChangeNothing: only a set of keys can take keys away.
func TestBrokenAnswersChangeNothing(t *testing.T) {
	id := newIssuer(publicRSA("a"))
	id.inBubble(t, func(t *testing.T, v *Verifier) {
		token := signed(rs256, "a", rsaKey(), lasting("alice"))
		for _, body := range []string{"", "{}", "[]", "null", `{"keys":null}`, `{"error":"x"}`, "<html>", `{"keys":{}}`} {
			id.answer(http.StatusOK, body)
			before := id.fetched()
			pass(refreshEvery * 11 / 10)
			if err := verifyErr(v, token); err != nil || id.fetched() == before {
				t.Errorf("answer %q: %v after %d fetches", body, err, id.fetched()-before)
			}
		}
	})
}

func TestEmptySetWithdrawsAllKeys(t *testing.T) {
	id := newIssuer(publicRSA("a"))
	id.inBubble(t, func(t *testing.T, v *Verifier) {
		token := signed(rs256, "a", rsaKey(), lasting("alice"))
		if err := verifyErr(v, token); err != nil {
			t.Fatal(err)
		}
		id.publish()
		pass(refreshEvery * 11 / 10)
		if err := verifyErr(v, token); !errors.Is(err, ErrUnavailable) {
			t.Errorf("error %v, want ErrUnavailable", err)
		}
		id.publish(publicRSA("a"))
		pass(2 * retryMost)
		if err := verifyErr(v, token); err != nil {
			t.Errorf("after the key came back: %v", err)
		}
	})
}

func TestFailingIssuerIsNotHammered(t *testing.T) {
	id := newIssuer()
	id.answer(http.StatusInternalServerError, "")
	id.inBubble(t, func(t *testing.T, v *Verifier) {
		for range 600 {
			pass(time.Second)
			_ = verifyErr(v, signed(eddsa, "x", ed25519Key(), lasting("alice")))
		}
		if got := id.fetched(); got > 35 {
			t.Errorf("%d fetches in ten minutes", got)
		}
	})
}

// TestPutOffRefreshComesByItself: a token of a new key that came too soon after a made-up one need not come again.
func TestPutOffRefreshComesByItself(t *testing.T) {
	id := newIssuer(publicRSA("old"))
	id.inBubble(t, func(t *testing.T, v *Verifier) {
		_ = verifyErr(v, signed(eddsa, "made up", ed25519Key(), lasting("mallory")))
		id.publish(publicRSA2("new"))
		fresh := signed(rs256, "new", rsaKey2(), lasting("alice"))
		if err := verifyErr(v, fresh); !errors.Is(err, ErrInvalid) {
			t.Fatalf("right after the made-up key: error %v, want ErrInvalid", err)
		}
		pass(askEvery)
		if got := id.fetched(); got != 3 {
			t.Errorf("%d fetches after %s, want 3", got, askEvery)
		}
		if err := verifyErr(v, fresh); err != nil {
			t.Errorf("after %s: %v", askEvery, err)
		}
	})
}
