package api

import (
	"net/http"
	"time"
)

const (
	// answerTime is how long a client may take to read a short answer.
	answerTime = 30 * time.Second
	// answerRate is how many bytes a second it must read of a long one at least.
	answerRate = 32 << 10
)

// allow gives the client of w the time to read an answer of so many bytes, from now on: what is not read holds memory
// and a connection. Where the writer knows no deadlines its server has to see to that.
func allow(w http.ResponseWriter, bytes int) {
	within := answerTime + time.Duration(bytes)*time.Second/answerRate
	if d, ok := w.(interface{ SetWriteDeadline(t time.Time) error }); ok {
		_ = d.SetWriteDeadline(time.Now().Add(within)) // as above
		return
	}
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(within)) // as above
}

// pageMost is more than the largest file of the pages has.
const pageMost = 2 << 20

// write sends data, and gives its client the time for it.
func write(w http.ResponseWriter, data []byte) {
	allow(w, len(data))
	w.Write(data) // a client that has gone is no fault
}
