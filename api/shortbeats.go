package api

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"runtime/debug"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/rollcall-dev/rollcall/api/auth"
	"github.com/rollcall-dev/rollcall/api/shortway"
	"github.com/rollcall-dev/rollcall/events"
)

// ShortBeats answers heartbeats that come the short way, as the route POST
// /v1/heartbeat would, to the byte.
type ShortBeats struct {
	api        *API
	metrics    *routeMetrics
	head, tail string                 // of an answer, around its sequence
	last       atomic.Pointer[beaten] // shared by the beats that share a message
}

// beaten is the answer to beats of one message.
type beaten struct {
	seq    uint64
	second int64 // of its Date
	answer []byte
}

// ShortBeats returns what answers heartbeats at a shortway.Listener, beside
// Handler, with the same limits, metrics and drain.
func (a *API) ShortBeats() *ShortBeats {
	s := &ShortBeats{api: a, metrics: a.metrics.named(post + " /v1/heartbeat")}
	// In the order in which net/http writes them.
	s.head = "HTTP/1.1 204 No Content\r\nCache-Control: " + noStoreHeader[0] +
		"\r\n" + headerHeartbeat + ": " + a.headers.heartbeat[0] + "\r\n" + headerSeq + ": "
	s.tail = "\r\n" + headerTimeout + ": " + a.headers.timeout[0] + "\r\n"
	if a.crossOrigin() {
		s.tail += "Vary: Origin\r\n"
	}
	s.tail += "X-Content-Type-Options: " + noSniffHeader[0] + "\r\nDate: "
	return s
}

// Beat is part of shortway.Handler. Whatever refuses h before the log is asked
// leaves it to net/http, which finds the same and says so: the limiter takes
// nothing for what it refuses.
func (s *ShortBeats) Beat(h shortway.Heartbeat) (answer []byte, next shortway.Next) {
	began := time.Now()
	seq, taken, err := s.append(h)
	if !taken {
		return nil, shortway.HandOver
	}
	now := time.Now()
	leaving := s.api.draining.Load()
	status := http.StatusNoContent
	if err == nil {
		answer = s.answer(seq, now, leaving)
	} else {
		answer, status = s.problem(err, now, leaving)
	}
	s.metrics.observe(status, now.Sub(began))
	if leaving {
		return answer, shortway.Leave
	}
	return answer, shortway.Stay
}

// append puts h into the log, unless it refuses it; then taken is false.
func (s *ShortBeats) append(h shortway.Heartbeat) (seq uint64, taken bool, err error) {
	defer func() {
		if p := recover(); p != nil {
			taken, err = true, fmt.Errorf("%w: %v\n%s", errPanic, p, debug.Stack())
		}
	}()
	beat := events.Beat{At: events.MillisOf(s.api.cfg.Now())}
	ctx := context.Background() // as long as the log takes: a client that has gone is not noticed here
	who, err := s.api.cfg.Auth.VerifyBytes(ctx, h.Token)
	if err != nil {
		return 0, false, err
	}
	beat.User, beat.Actor = who.User, who.User
	if beat.Session, err = shortSession(h, who); err != nil {
		return 0, false, err
	}
	if err := s.api.admit(who); err != nil {
		return 0, false, err
	}
	if seq, err = s.api.beatOnce(ctx, beat); err != nil {
		err = fmt.Errorf("appending a heartbeat: %w", err)
	}
	return seq, true, err
}

// shortSession is sessionOf for a request without a body.
func shortSession(h shortway.Heartbeat, who *auth.Principal) (string, error) {
	switch {
	case h.Session != nil:
		return validSession(string(h.Session), "header.Rollcall-Session")
	case who.Session != "":
		return who.Session, nil
	}
	return events.DefaultSession, nil
}

// answer returns the answer to a beat that is at seq. Nobody may change it.
func (s *ShortBeats) answer(seq uint64, now time.Time, leaving bool) []byte {
	if leaving {
		return append(s.write(seq, now), "Connection: close\r\n\r\n"...)
	}
	second := now.Unix()
	if l := s.last.Load(); l != nil && l.seq == seq && l.second == second {
		return l.answer
	}
	l := &beaten{seq: seq, second: second, answer: append(s.write(seq, now), "\r\n"...)}
	s.last.Store(l)
	return l.answer
}

func (s *ShortBeats) write(seq uint64, now time.Time) []byte {
	b := make([]byte, 0, 320)
	b = append(b, s.head...)
	b = strconv.AppendUint(b, seq, 10)
	b = append(b, s.tail...)
	return append(now.UTC().AppendFormat(b, http.TimeFormat), "\r\n"...)
}

// problem returns the answer that says what err is, and its status.
func (s *ShortBeats) problem(err error, now time.Time, leaving bool) (answer []byte, status int) {
	w := &writtenAnswer{header: http.Header{}}
	if s.api.crossOrigin() {
		w.header.Add("Vary", "Origin")
	}
	status = s.api.fail(w, &http.Request{Method: post, URL: &url.URL{Path: "/v1/heartbeat"}}, err)
	b := bytes.NewBufferString(fmt.Sprintf("HTTP/1.1 %d %s\r\n", status, http.StatusText(status)))
	_ = w.header.Write(b) // a buffer takes all
	fmt.Fprintf(b, "Date: %s\r\nContent-Length: %d\r\n", now.UTC().Format(http.TimeFormat), w.body.Len())
	if leaving {
		b.WriteString("Connection: close\r\n")
	}
	b.WriteString("\r\n")
	b.Write(w.body.Bytes())
	return b.Bytes(), status
}

// writtenAnswer is an http.ResponseWriter that keeps what it is told; the status
// is what fail returns.
type writtenAnswer struct {
	header http.Header
	body   bytes.Buffer
}

func (w *writtenAnswer) Header() http.Header         { return w.header }
func (w *writtenAnswer) Write(b []byte) (int, error) { return w.body.Write(b) }
func (*writtenAnswer) WriteHeader(int)               {}

// crossOrigin reports whether pages of other origins may call, so that every
// answer depends on the origin.
func (a *API) crossOrigin() bool { return len(a.cfg.CORSOrigins) > 0 }
