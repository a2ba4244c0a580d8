package api

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"time"
)

const (
	// maxStream bounds a request of lines or of a batch, in bytes.
	maxStream = 64 << 20
	// maxLine bounds one line, or one field of a batch, in bytes.
	maxLine = 1 << 20
	// streamPause is the longest that a client may pause within a stream.
	streamPause = 30 * time.Second
)

// stream returns the body of a long request: at most limit bytes, in as much time as it takes while bytes come. When the
// node is shutting down it ends with errDraining, so that the client is told what has become of what it sent. done is
// to be called when it is not read any more.
func (a *API) stream(q request, limit int64) (body io.Reader, done func() bool) {
	control := http.NewResponseController(q.w)
	// The server's deadlines are for requests that are soon over. Where the writer has none there is nothing to move.
	_ = control.SetWriteDeadline(time.Time{})
	p := &patient{control: control, body: http.MaxBytesReader(q.w, q.r.Body, limit), staying: a.staying}
	return p, context.AfterFunc(a.staying, func() { _ = control.SetReadDeadline(time.Unix(1, 0)) })
}

type patient struct {
	control *http.ResponseController
	body    io.Reader
	staying context.Context
}

func (p *patient) Read(b []byte) (int, error) {
	_ = p.control.SetReadDeadline(time.Now().Add(streamPause))
	if p.staying.Err() != nil { // else the deadline that its end sets comes after ours
		return 0, errDraining
	}
	n, err := p.body.Read(b)
	if err != nil && !errors.Is(err, io.EOF) && p.staying.Err() != nil {
		err = errDraining
	}
	return n, err
}

// finish waits for what is under way, and returns what ended the stream if nothing of it was accepted. Of a stream that
// is over, the rest is read for the sake of clients that look for an answer only when they have sent all; but not for
// long.
func (q request) finish(in *intake) error {
	in.finish()
	if in.over() {
		within := 5 * time.Second
		if errors.Is(in.failed, errDraining) {
			within = time.Second // the whole node waits
		}
		_ = http.NewResponseController(q.w).SetReadDeadline(time.Now().Add(within))
		_, _ = io.CopyN(io.Discard, q.r.Body, maxStream)
	}
	return in.failure()
}

// lineReader reads lines of at most maxLine bytes.
type lineReader struct {
	r    *bufio.Reader
	line []byte
}

var errLongLine = errors.New("a line is too long")

func newLineReader(r io.Reader) *lineReader { return &lineReader{r: bufio.NewReaderSize(r, 64<<10)} }

// next returns the next line, which is good until the call after. A line that is too long is passed over with
// errLongLine; the end is io.EOF.
func (l *lineReader) next() ([]byte, error) {
	l.line = l.line[:0]
	long := false
	for {
		part, err := l.r.ReadSlice('\n')
		if long = long || len(l.line)+len(part) > maxLine; !long {
			l.line = append(l.line, part...)
		}
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case errors.Is(err, io.EOF) && len(l.line) == 0 && !long:
			return nil, io.EOF
		case err != nil && !errors.Is(err, io.EOF):
			return nil, err
		case long:
			return nil, errLongLine
		}
		return l.line, nil
	}
}

// waits reports whether next may have to wait for the client: no whole line has come yet.
func (l *lineReader) waits() bool {
	come, _ := l.r.Peek(l.r.Buffered())
	return bytes.IndexByte(come, '\n') < 0
}
