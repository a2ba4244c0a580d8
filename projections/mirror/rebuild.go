package mirror

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// Which views to rebuild.
const (
	Current = "current"
	History = "history"
	Both    = ""
)

// closeEnough is how many messages may be left to fold when the live views are
// stopped for the swap.
const closeEnough = 2000

// Rebuild folds the log into m and puts m's views, or the one of them that
// which names, in the place of the live ones. Those go on serving until then,
// and rest only for the last few messages. m must be closed afterwards.
func (m *Mirror) Rebuild(ctx context.Context, live Views, which string) error {
	if which != Current && which != History && which != Both {
		return fmt.Errorf("there is no view %q", which)
	}
	for {
		to := live.Current.Seq()
		if err := m.Fold(ctx, to); err != nil {
			return err
		}
		if err := m.Current.Checkpoint(); err != nil { // now, and not while the live view rests
			return err
		}
		if live.Current.Seq() < to+closeEnough {
			break
		}
	}
	if which == History {
		return live.Current.Rest(func(seq uint64) error {
			if err := m.Fold(ctx, seq); err != nil {
				return err
			}
			return m.adoptHistory(live)
		})
	}
	err := live.Current.Adopt(ctx, m.Current, func(ctx context.Context, seq uint64) error {
		if err := m.Fold(ctx, seq); err != nil || which == Current {
			return err
		}
		return m.adoptHistory(live)
	})
	if err == nil {
		m.Current = nil // it is the live one now
	}
	return err
}

func (m *Mirror) adoptHistory(live Views) error {
	m.History.Detach(m.Current)
	if err := live.History.Adopt(m.History); err != nil {
		return err
	}
	m.History = nil
	return nil
}

// Install closes m and moves its views, or the one of them that which names, to
// where the live ones are kept: for a store on which no node is running. Files
// that stand there are replaced.
func (m *Mirror) Install(dir, which string) error {
	if which != Current && which != History && which != Both {
		return fmt.Errorf("there is no view %q", which)
	}
	m.History.Detach(m.Current)
	if err := errors.Join(m.History.Close(), m.Current.Checkpoint(), m.Current.Close()); err != nil {
		return err
	}
	m.History, m.Current = nil, nil
	for view, file := range map[string]string{Current: CurrentFile, History: HistoryFile} {
		if which != Both && which != view {
			continue
		}
		if err := os.Rename(filepath.Join(m.dir, file), filepath.Join(dir, file)); err != nil {
			return fmt.Errorf("putting the new view in place: %w", err)
		}
	}
	return nil
}
