package api

import (
	"errors"
	"io"
	"net/http"
	"sync"
	"time"
)

const (
	// bodyTime is how long a client may take to send a body, where the server is no
	// stricter; long ones are bounded by their pauses instead (patient).
	bodyTime = 30 * time.Second
	// unreadTime is how long an answer waits for a body, or the rest of one, that
	// nobody reads. net/http takes it in before it answers, so that the connection can be
	// used again.
	unreadTime = time.Second
)

// Bounded keeps a body that never comes from holding a connection. Where a
// writer knows no deadlines its server has to see to that.
func Bounded(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ContentLength == 0 {
			next.ServeHTTP(w, r)
			return
		}
		within := bodyTime
		if s, ok := r.Context().Value(http.ServerContextKey).(*http.Server); ok && s.ReadTimeout > 0 {
			within = min(within, s.ReadTimeout)
		}
		control := http.NewResponseController(w)
		wait := func(d time.Duration) { _ = control.SetReadDeadline(time.Now().Add(d)) }
		wait(unreadTime)
		// In a request of its own: net/http looks at what its own has for a body.
		body := &readBody{ReadCloser: r.Body, begin: sync.OnceFunc(func() { wait(within) })}
		bounded := *r
		bounded.Body = body
		next.ServeHTTP(w, &bounded)
		if !body.whole {
			// Else net/http reads ahead by now, and would take the deadline for the
			// client's going.
			wait(unreadTime)
		}
	})
}

// readBody notes whether the body was read to its end.
type readBody struct {
	io.ReadCloser
	begin func() // called before the first reading
	whole bool
}

func (b *readBody) Read(p []byte) (int, error) {
	b.begin()
	n, err := b.ReadCloser.Read(p)
	b.whole = b.whole || errors.Is(err, io.EOF)
	return n, err //nolint:wrapcheck // it is the body's own
}
