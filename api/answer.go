package api

import (
	"net/http"
	"strconv"
	"time"
)

// answerHeaders are the values of headers that are the same in every answer, made once.
type answerHeaders struct{ heartbeat, timeout []string }

func newAnswerHeaders(cfg Config) answerHeaders {
	return answerHeaders{heartbeat: []string{seconds(cfg.Heartbeat)}, timeout: []string{seconds(cfg.Timeout)}}
}

// seconds writes d in whole seconds, at least 1.
func seconds(d time.Duration) string { return strconv.FormatInt(max(1, int64(d/time.Second)), 10) }

// Shared by all answers, so never appended to.
var (
	jsonHeader    = []string{typeJSON}
	noStoreHeader = []string{"no-store"}
	noSniffHeader = []string{"nosniff"}
	// What comes piece by piece must not wait in a compressor's buffer: development
	// servers and CDNs compress whatever does not forbid it.
	noTransformHeader = []string{"no-store, no-transform"}
)

// secure sets what every answer of the API carries: nothing of it is kept by a cache, or taken for another type.
func secure(h http.Header) {
	h["Cache-Control"] = noStoreHeader
	h["X-Content-Type-Options"] = noSniffHeader
}
