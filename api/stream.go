package api

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/rollcall-dev/rollcall/api/auth"
)

const (
	// maxStream bounds a request of lines or of a batch, in bytes.
	maxStream = 64 << 20
	// maxLine bounds one line, or one field of a batch, in bytes.
	maxLine = 1 << 20
	// streamPause is the longest that a client may pause within a stream.
	streamPause = 30 * time.Second
	// streamTime is the longest that a stream may take in all.
	streamTime = 10 * time.Minute
	// streamRate is how many bytes a second must have come on average once streamStart is over.
	streamRate, streamStart = 100, time.Minute
)

// upload takes one of the caller's places for an upload, and returns how to give it back.
func (a *API) upload(q request) (end func(), err error) {
	each := uploadsEach
	if auth.Allow(q.who, auth.ActWriteAny, "") {
		each = uploadsService
	}
	if end = a.uploads.take(q.who.User, each); end == nil {
		f := fault(rateLimited, "Too many uploads are under way: wait for one to end.")
		f.retry = 5
		return nil, f
	}
	return end, nil
}

// stream returns the body of a long request: at most limit bytes, in streamTime, while bytes come fast enough. When the
// node is shutting down it ends with errDraining, so that the client is told what has become of what it sent. done is
// to be called when it is not read any more.
func (a *API) stream(q request, limit int64) (body io.Reader, done func() bool) {
	control := http.NewResponseController(q.w)
	// The server's deadlines are for requests that are soon over. Where the writer has none there is nothing to move.
	_ = control.SetWriteDeadline(time.Time{})
	p := &patient{control: control, body: http.MaxBytesReader(q.w, q.r.Body, limit), staying: a.staying, began: time.Now()}
	return p, context.AfterFunc(a.staying, func() { _ = control.SetReadDeadline(time.Unix(1, 0)) })
}

type patient struct {
	control *http.ResponseController
	body    io.Reader
	staying context.Context
	began   time.Time
	read    int64 // bytes so far
}

// until is when the next bytes must have come.
func (p *patient) until() time.Time {
	next := time.Now().Add(streamPause)
	for _, t := range []time.Time{p.began.Add(streamTime), p.began.Add(streamStart + time.Duration(p.read)*time.Second/streamRate)} {
		if t.Before(next) {
			next = t
		}
	}
	return next
}

func (p *patient) Read(b []byte) (int, error) {
	_ = p.control.SetReadDeadline(p.until())
	if p.staying.Err() != nil { // else the deadline that its end sets comes after ours
		return 0, errDraining
	}
	n, err := p.body.Read(b)
	p.read += int64(n)
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
		within, most := 5*time.Second, int64(maxStream)
		if errors.Is(in.failed, errDraining) {
			within = time.Second // the whole node waits
		}
		if in.refused > mostRefused {
			most = maxBody // they have had their share of it
		}
		_ = http.NewResponseController(q.w).SetReadDeadline(time.Now().Add(within))
		_, _ = io.CopyN(io.Discard, q.r.Body, most)
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
		} else {
			l.line = nil // it is of no use any more, and may take long to end
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
