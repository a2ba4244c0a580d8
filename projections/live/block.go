package live

import (
	"sync"

	"github.com/rollcall-dev/rollcall/events"
)

// Place is where a reader stands: behind the Nth change, from 1, of the event
// at Seq; Nth 0 is behind all of them.
type Place struct {
	Seq uint64
	Nth int
}

// reached reports whether a reader who stands at p has seen the entry at e.
func (e Place) reached(p Place) bool {
	if e.Seq != p.Seq {
		return e.Seq < p.Seq
	}
	return p.Nth == 0 || e.Nth != 0 && e.Nth <= p.Nth
}

// Entry is a change and the place behind it.
type Entry struct {
	events.Change
	Place Place
}

// Encode makes of changes in a row what its readers send. Nobody changes the
// result: all readers share it.
type Encode func([]Entry) any

// Block is some changes in a row. It is never changed.
type Block struct {
	Entries []Entry

	first  uint64 // the number of the first among all that there ever were
	encode Encode
	once   sync.Once
	text   any
}

// NewBlock returns a block of entries, at least one, which nobody changes from
// then on.
func NewBlock(entries []Entry, encode Encode) *Block { return &Block{Entries: entries, encode: encode} }

// Text is what the hub's Encode makes of the block; the first who asks makes it.
func (b *Block) Text() any {
	b.once.Do(func() { b.text = b.encode(b.Entries) })
	return b.text
}

// end is the number behind the last entry.
func (b *Block) end() uint64 { return b.first + uint64(len(b.Entries)) }

// last is the last entry.
func (b *Block) last() *Entry { return &b.Entries[len(b.Entries)-1] }

// Piece is what a reader gets next: the entries of a block from From on.
type Piece struct {
	*Block
	From int
}
