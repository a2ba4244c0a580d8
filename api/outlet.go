package api

import (
	"net"
	"slices"
	"strconv"
	"syscall"
	"time"

	"github.com/rollcall-dev/rollcall/projections/live"
)

const (
	// frameRoom is left before a chunk for its size: at most 16 digits, and the end
	// of the line.
	frameRoom = 18
	lineEnd   = "\r\n"
	// sendBuffer is what the kernel may hold for one reader: some tenths of a second
	// of many changes, so that one who reads steadily never has to be waited for.
	sendBuffer = 256 << 10
	// ownMost is how large a buffer an outlet keeps for the next time.
	ownMost = 4 << 10
	// lastChunk ends a chunked answer.
	lastChunk = "0\r\n\r\n"
	// partPatience is how long that may take.
	partPatience = 20 * time.Millisecond
)

// framer puts messages into a chunk of HTTP/1.1: RFC 9112, section 7.1.
type framer struct {
	buf  []byte
	ends []int
}

// add puts a message behind those that are there.
func (f *framer) add(text []byte) {
	if len(f.buf) == 0 {
		f.buf = append(f.buf, make([]byte, frameRoom)...)
	}
	f.buf = append(f.buf, text...)
	f.ends = append(f.ends, len(f.buf))
}

// frame returns what was added, in its frame; there must be something.
func (f *framer) frame() wire {
	chunk, begin := framed(f.buf)
	shift := frameRoom - begin
	for i := range f.ends {
		f.ends[i] -= shift
	}
	return wire{chunk: chunk, ends: f.ends, begin: begin}
}

// framed makes a chunk of what stands in buf behind frameRoom bytes, in place,
// and tells where in the chunk that begins.
func framed(buf []byte) (chunk []byte, begin int) {
	var size [frameRoom]byte
	head := append(strconv.AppendInt(size[:0], int64(len(buf)-frameRoom), 16), lineEnd...)
	at := frameRoom - len(head)
	copy(buf[at:], head)
	return append(buf, lineEnd...)[at:], len(head)
}

// appendWanted appends the messages of p that reader wants, without a frame.
func appendWanted(dst []byte, p live.Piece, reader *live.Reader, private bool) []byte {
	w := wireOf(p, private)
	if reader.All() {
		return append(dst, w.from(p.From)...)
	}
	for i := p.From; i < len(p.Entries); i++ {
		if reader.Wants(p.Entries[i].User) {
			dst = append(dst, w.at(i)...)
		}
	}
	return dst
}

// wireOf is what p's readers get: the hub encodes with EncodeChanges.
func wireOf(p live.Piece, private bool) *wire {
	b := p.Text().(*watchedBlock) //nolint:forcetypeassert // as the doc comment of Config.Live asks
	if private {
		return &b.private
	}
	return &b.public
}

// outlet is a connection that was taken from net/http in the middle of a chunked
// answer.
type outlet struct {
	conn    net.Conn
	raw     syscall.RawConn // nil: there is no way to write without waiting
	reader  *live.Reader
	private bool
	buf     []byte // of one who gets not all there is
	done    func() // called at the end
}

func newOutlet(conn net.Conn, reader *live.Reader, private bool, done func()) *outlet {
	o := &outlet{conn: conn, reader: reader, private: private, done: done}
	if c, ok := conn.(interface{ SetWriteBuffer(bytes int) error }); ok {
		_ = c.SetWriteBuffer(sendBuffer) // else it is what it is
	}
	if c, ok := conn.(syscall.Conn); ok {
		o.raw, _ = c.SyscallConn()
	}
	return o
}

// Text is part of live.Outlet. Who gets all shares the block's own chunk.
func (o *outlet) Text(p live.Piece) []byte {
	if o.reader.All() && p.From == 0 {
		return wireOf(p, o.private).chunk
	}
	buf := slices.Grow(o.buf[:0], frameRoom)[:frameRoom]
	buf = appendWanted(buf, p, o.reader, o.private)
	if cap(buf) <= ownMost {
		o.buf = buf // else everybody who came in the middle of a large block would keep the rest of it
	}
	if len(buf) == frameRoom {
		return nil
	}
	chunk, _ := framed(buf)
	return chunk
}

var pingChunk = func() []byte {
	var f framer
	f.add([]byte(watchPingText))
	w := f.frame()
	return w.chunk
}()

// Ping is part of live.Outlet.
func (*outlet) Ping() []byte { return pingChunk }

// Send is part of live.Outlet.
func (o *outlet) Send(b []byte) error {
	if err := o.conn.SetWriteDeadline(time.Now().Add(watchPatience)); err != nil {
		return err //nolint:wrapcheck // nobody sees it
	}
	if _, err := o.conn.Write(b); err != nil {
		return err //nolint:wrapcheck // as above
	}
	return o.conn.SetWriteDeadline(time.Time{}) //nolint:wrapcheck // as above
}

// Close is part of live.Outlet.
func (o *outlet) Close(whole bool) {
	if whole {
		o.part()
	}
	_ = o.conn.Close() // nothing is left to be sent
	o.done()
}

// partAnyway is part where writing may mean waiting: not for long, since others wait too.
func (o *outlet) partAnyway() {
	_ = o.conn.SetWriteDeadline(time.Now().Add(partPatience))
	_, _ = o.conn.Write([]byte(lastChunk))
}
