package api

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// answering serves one connection with h within a bubble, and returns the client's end of it.
func answering(t *testing.T, h http.HandlerFunc) net.Conn {
	t.Helper()
	server := &http.Server{Handler: h}
	theirs, ours := net.Pipe()
	l := &single{conn: make(chan net.Conn, 1)}
	l.conn <- theirs
	go func() { _ = server.Serve(l) }()
	t.Cleanup(func() {
		_ = ours.Close()
		_ = server.Close()
		<-time.After(time.Minute) // for what still sends, on the bubble's clock
	})
	return ours
}

// TestAnAnswerThatNobodyReadsEnds: what it holds and its connection are given back. A long one may take longer.
func TestAnAnswerThatNobodyReadsEnds(t *testing.T) {
	for size, within := range map[int]time.Duration{5: answerTime, 1 << 20: answerTime + 32*time.Second} {
		synctest.Test(t, func(t *testing.T) {
			a := &API{cfg: Config{}.withDefaults(), metrics: newMetrics(Config{}.withDefaults())}
			a.share()
			rt := &route{method: get, path: "/livez", flags: open | lenient}
			ended := make(chan time.Duration, 1)
			rt.does.serve = func(_ *API, q request) (int, error) {
				began := time.Now()
				write(q.w, make([]byte, size))
				_ = http.NewResponseController(q.w).Flush()
				ended <- time.Since(began)
				return http.StatusOK, nil
			}
			conn := answering(t, a.handle(rt).ServeHTTP)
			go func() { _, _ = io.WriteString(conn, "GET / HTTP/1.1\r\nHost: x\r\n\r\n") }()
			select {
			case took := <-ended:
				if took < within || took > within+time.Second {
					t.Errorf("%d bytes: given up after %s", size, took)
				}
			case <-time.After(time.Hour):
				t.Errorf("%d bytes wait for ever", size)
			}
		})
	}
}

// TestWhatTheServerWritesAfterwardsHasItsTimeToo: a short answer goes out when its handler has returned.
func TestWhatTheServerWritesAfterwardsHasItsTimeToo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &API{cfg: Config{}.withDefaults(), metrics: newMetrics(Config{}.withDefaults())}
		a.share()
		rt := &route{method: get, path: "/livez", flags: open | lenient}
		rt.does.serve = func(_ *API, q request) (int, error) {
			<-time.After(10 * answerTime) // it may think for long
			q.w.WriteHeader(http.StatusNoContent)
			return http.StatusNoContent, nil
		}
		conn := answering(t, a.handle(rt).ServeHTTP)
		go func() { _, _ = io.WriteString(conn, "GET / HTTP/1.1\r\nHost: x\r\n\r\n") }()
		<-time.After(10*answerTime + answerTime/2)
		if resp, err := http.ReadResponse(bufio.NewReader(conn), nil); err != nil || resp.StatusCode != http.StatusNoContent {
			t.Errorf("who reads in time: %v", err)
		}
	})
}

// TestAnUploadHasATimeInAll, however steadily its bytes come, and less where they hardly do.
func TestAnUploadHasATimeInAll(t *testing.T) {
	for name, tt := range map[string]struct {
		bytes int
		every time.Duration
		ends  time.Duration
	}{
		"a byte now and then": {1, 20 * time.Second, streamStart},
		"steadily":            {streamRate * 2, time.Second, streamTime},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := &API{staying: t.Context()}
				ended := make(chan time.Duration, 1)
				conn := answering(t, func(w http.ResponseWriter, r *http.Request) {
					began := time.Now()
					body, done := a.stream(request{w: w, r: r}, maxStream)
					defer done()
					var fault *faultError
					if _, err := io.Copy(io.Discard, body); !errors.As(asReadFault(err), &fault) || fault.code != requestTimeout {
						t.Errorf("it ended with %v", err)
					}
					ended <- time.Since(began)
				})
				go func() {
					_, err := io.WriteString(conn, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 60000000\r\n\r\n")
					for err == nil {
						<-time.After(tt.every)
						_, err = io.WriteString(conn, strings.Repeat("x", tt.bytes))
					}
				}()
				select {
				case took := <-ended:
					if took < tt.ends || took > tt.ends+tt.every {
						t.Errorf("it ended after %s", took)
					}
				case <-time.After(time.Hour):
					t.Error("it goes on for ever")
				}
			})
		})
	}
}
