package current

import "github.com/tidwall/btree"

// btreeIter walks a set of ids in order, without holding it.
type btreeIter struct {
	set *btree.Set[string]
	id  string
	ok  bool
	buf []string
}

// after stands on the first id behind start.
func after(set *btree.Set[string], start string) *btreeIter {
	it := &btreeIter{set: set, id: start}
	it.fill()
	it.next()
	return it
}

// fill takes the next few ids, so that a page does not search the tree for each.
func (it *btreeIter) fill() {
	const ahead = 64
	it.buf = it.buf[:0]
	from := it.id
	it.set.Ascend(from, func(id string) bool {
		if id != from {
			it.buf = append(it.buf, id)
		}
		return len(it.buf) < ahead
	})
}

func (it *btreeIter) next() {
	if len(it.buf) == 0 {
		it.fill()
	}
	if it.ok = len(it.buf) > 0; it.ok {
		it.id, it.buf = it.buf[0], it.buf[1:]
	}
}
