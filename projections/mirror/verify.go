package mirror

import (
	"bytes"
	"context"
	"errors"
)

// Comparison is what Verify found out about one view.
type Comparison struct {
	View   string `json:"view"`
	Seq    uint64 `json:"seq"`
	Users  int    `json:"users"`
	Equal  bool   `json:"equal"`
	Digest string `json:"digest"` // of the mirror
	Live   string `json:"live"`   // of the live view
	// Differs is the first user that differs, in the order of ids.
	Differs string `json:"differs,omitempty"`
}

// Verify folds the log into m, up to where the live views stand, and compares.
func (m *Mirror) Verify(ctx context.Context, live Views) ([]Comparison, error) {
	// The long way first, so that the live views' files need not be held long.
	if err := m.Fold(ctx, live.Current.Seq()); err != nil {
		return nil, err
	}
	cur, err := m.verifyCurrent(ctx, live)
	if err != nil {
		return nil, err
	}
	hist, err := m.verifyHistory(ctx, live)
	if err != nil {
		return nil, err
	}
	if m.cfg.Report != nil {
		m.report()
	}
	return []Comparison{cur, hist}, nil
}

func (m *Mirror) verifyCurrent(ctx context.Context, live Views) (c Comparison, err error) {
	// A live view that was far behind once has not seen all heartbeats either.
	horizon := max(m.horizon, live.Current.Horizon())
	a, err := live.Current.Snapshot(horizon)
	if err != nil {
		return c, err
	}
	defer func() { err = errors.Join(err, a.Close()) }()
	if err := m.Fold(ctx, a.Seq); err != nil {
		return c, err
	}
	b, err := m.Current.Snapshot(max(horizon, m.horizon))
	if err != nil {
		return c, err
	}
	defer func() { err = errors.Join(err, b.Close()) }()
	c, err = compare(a, b)
	c.View, c.Seq = "current", a.Seq
	return c, err
}

func (m *Mirror) verifyHistory(ctx context.Context, live Views) (c Comparison, err error) {
	a, err := live.History.Snapshot()
	if err != nil {
		return c, err
	}
	defer func() { err = errors.Join(err, a.Close()) }()
	if err := m.Fold(ctx, a.Seq); err != nil {
		return c, err
	}
	// What the live view has forgotten by its age, the mirror must forget too.
	if cut := live.History.Forgotten(); cut != 0 {
		if err := m.History.Prune(cut.Time()); err != nil {
			return c, err
		}
	}
	b, err := m.History.Snapshot()
	if err != nil {
		return c, err
	}
	defer func() { err = errors.Join(err, b.Close()) }()
	c, err = compare(a, b)
	c.View, c.Seq = "history", a.Seq
	return c, err
}

// snapshot gives its entries in the order of users; "" ends it.
type snapshot interface {
	Next() (user string, entry []byte, err error)
}

// compare walks both to the end, for their digests, and notes the first user
// whose entries differ.
func compare(live, mirrored snapshot) (Comparison, error) {
	c := Comparison{Equal: true}
	a, b := newWalk(live), newWalk(mirrored)
	for {
		if err := errors.Join(a.step(), b.step()); err != nil {
			return c, err
		}
		if c.Equal && (a.user != b.user || !bytes.Equal(a.entry, b.entry)) {
			c.Equal, c.Differs = false, first(a.user, b.user)
		}
		if a.user == "" && b.user == "" {
			c.Live, c.Digest, c.Users = a.digest(), b.digest(), b.users
			return c, nil
		}
	}
}

// first returns the one that comes first; "" is the end.
func first(a, b string) string {
	if a == "" || b != "" && b < a {
		return b
	}
	return a
}
