package api

import (
	"bytes"
	"net/http"
	"sync"
	"time"
)

const (
	// lineFlush is how many bytes of lines wait before they are sent.
	lineFlush = 32 << 10
	// linePatience is how long a client may take to read what was sent.
	linePatience = 30 * time.Second
	// keepAlive is how long a followed answer is silent at most.
	keepAlive = 15 * time.Second
)

// lines is an answer that is sent as it comes. The status goes out with the first bytes: until then an error can still
// become a problem. It is safe for use by many goroutines; Write takes whole lines.
type lines struct {
	a       *API
	q       request
	media   string
	control *http.ResponseController

	mu    sync.Mutex // guards the below
	buf   bytes.Buffer
	begun bool
	err   error
}

// lineByLine begins an answer of this content type.
func (a *API) lineByLine(q request, media string) *lines {
	return &lines{a: a, q: q, media: media, control: http.NewResponseController(q.w)}
}

// Write takes lines. The error says that the client is gone, or too slow.
func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.buf.Write(p)
	if l.buf.Len() >= lineFlush {
		l.send(false)
	}
	return len(p), l.err
}

// flush sends what waits, and the status if nothing does.
func (l *lines) flush() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.send(true)
	return l.err
}

// send writes to the client; the caller holds mu. through: past the server's buffer too.
func (l *lines) send(through bool) {
	if l.err != nil {
		return
	}
	if !l.begun {
		l.begun = true
		h := l.q.w.Header()
		h.Set("Content-Type", l.media)
		secure(h)
		h["Cache-Control"] = noTransformHeader
		l.q.w.WriteHeader(http.StatusOK)
	}
	// Where the writer knows no deadlines it has no client that could be slow.
	_ = l.control.SetWriteDeadline(time.Now().Add(linePatience))
	if _, l.err = l.q.w.Write(l.buf.Bytes()); l.err == nil && through {
		l.err = l.control.Flush()
	}
	l.buf.Reset()
}

// keepOpen sends an empty line now and then, so that nothing on the way takes the silence for the end. stop ends that, and waits for it.
func (l *lines) keepOpen() (stop func()) {
	quit, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(keepAlive)
		defer tick.Stop()
		for {
			select {
			case <-quit:
				return
			case <-tick.C:
				_, _ = l.Write([]byte{'\n'})
				_ = l.flush() // a client that has gone ends the request
			}
		}
	}()
	return func() { close(quit); <-done }
}

// end sends the rest. With an error, which may be nil, what was begun must not look whole: it becomes a problem if
// nothing was sent, else the connection breaks.
func (l *lines) end(err error) (int, error) {
	l.mu.Lock()
	begun, gone := l.begun, l.err != nil || l.q.r.Context().Err() != nil
	l.mu.Unlock()
	switch {
	case err != nil && !begun:
		return 0, err
	case gone:
		return http.StatusOK, nil // nobody is there to be told
	case err != nil:
		l.a.cfg.Logger.Error("an answer broke off", "method", l.q.r.Method, "path", l.q.r.URL.Path, "error", err)
		panic(http.ErrAbortHandler)
	}
	_ = l.flush() // a client that has gone is no fault
	_ = l.control.SetWriteDeadline(time.Time{})
	return http.StatusOK, nil
}
