package api

import (
	"net/http"
	"time"
)

const (
	// bodyTime is how long a client may take to send a body; long ones are bounded
	// by their pauses instead (patient).
	bodyTime = 30 * time.Second
	// unreadTime is how long the answer waits for the rest of a body that nobody
	// reads. net/http takes it in before it answers, so that the connection can be
	// used again.
	unreadTime = time.Second
)

// boundBodies keeps a body that never comes from holding a connection.
func boundBodies(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ContentLength == 0 {
			next.ServeHTTP(w, r)
			return
		}
		control := http.NewResponseController(w)
		// Where the writer knows no deadlines its server has to see to this.
		_ = control.SetReadDeadline(time.Now().Add(bodyTime))
		next.ServeHTTP(w, r)
		_ = control.SetReadDeadline(time.Now().Add(unreadTime))
	})
}
