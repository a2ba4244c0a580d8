package history

import (
	"fmt"
	"os"
)

// Adopt puts w, a history of the same log that nobody else uses, in v's place.
// It must be called while the current view is at rest, and w must know at
// least what v knows. w's file takes the place of v's; w must not be used afterwards.
func (v *View) Adopt(w *View) error {
	if err := w.Flush(); err != nil {
		return err
	}
	v.writing.Lock()
	defer v.writing.Unlock()
	v.mu.Lock()
	defer v.mu.Unlock()
	if w.upTo < v.upTo {
		return fmt.Errorf("the new history stands at %d, the old one at %d", w.upTo, v.upTo)
	}
	was, is := v.store.Load(), w.store.Load()
	if err := os.Rename(is.Path(), was.Path()); err != nil {
		return fmt.Errorf("swapping the history's file: %w", err)
	}
	is.Moved(was.Path())
	v.store.Store(is)
	v.meta, v.present, v.since, v.newest, v.head, v.cut, v.waiting = w.meta, w.present, w.since, w.newest, w.head, w.cut, nil
	go func() { _ = was.Close() }() // whoever still reads the old file may finish
	return nil
}
