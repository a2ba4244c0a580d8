package embedded

import (
	"fmt"
	"sync/atomic"

	"github.com/rollcall-dev/rollcall/projections/mirror"
)

// progress is what a node that is not ready yet is at. The zero value has not
// begun. It is safe for concurrent use.
type progress struct {
	text atomic.Pointer[func() string]
}

// at says what is under way.
func (p *progress) at(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	p.towards(func() string { return text })
}

// towards is at for what changes meanwhile.
func (p *progress) towards(text func() string) { p.text.Store(&text) }

// rebuilt says how far a rebuild is.
func (p *progress) rebuilt(m mirror.Progress) {
	p.at("the history is rebuilt from the log: at sequence %d of %d", m.Seq, m.To)
}

func (p *progress) String() string {
	if text := p.text.Load(); text != nil {
		return (*text)()
	}
	return "it has not begun"
}
