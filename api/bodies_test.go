package api

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// single is a listener of one connection.
type single struct {
	conn chan net.Conn
	end  sync.Once
}

func (s *single) Accept() (net.Conn, error) {
	if c, ok := <-s.conn; ok {
		return c, nil
	}
	return nil, net.ErrClosed
}

func (s *single) Addr() net.Addr { return &net.UnixAddr{} }

func (s *single) Close() error {
	s.end.Do(func() { close(s.conn) })
	return nil
}

// TestABodyThatDoesNotComeIsNotWaitedForForEver: neither by a handler that wants it nor by the server when nobody does.
func TestABodyThatDoesNotComeIsNotWaitedForForEver(t *testing.T) {
	for _, tt := range []struct {
		name, sent string
		pause      time.Duration // between blanks that go on coming; 0: nothing comes
		reads      bool
		status     int
		after      time.Duration
	}{
		{"wanted", `{`, 0, true, http.StatusRequestTimeout, bodyTime + unreadTime},
		{"wanted, in drops", `{`, time.Second, true, http.StatusRequestTimeout, bodyTime + unreadTime},
		{"refused", `{`, 0, false, http.StatusUnauthorized, unreadTime},
		{"refused, in drops", `{`, unreadTime / 10, false, http.StatusUnauthorized, unreadTime},
		{"whole", `{}` + strings.Repeat(" ", 498), 0, true, http.StatusOK, 0},
		{"whole, not read", `{}` + strings.Repeat(" ", 498), 0, false, http.StatusUnauthorized, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server := &http.Server{Handler: Bounded(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					var body struct{}
					var said *faultError
					if !tt.reads {
						w.WriteHeader(http.StatusUnauthorized)
						return
					}
					if _, err := readJSON(w, r, &body); errors.As(err, &said) {
						w.WriteHeader(kinds[said.code].status)
						return
					}
					// What takes long is not cut off once the body is there.
					select {
					case <-r.Context().Done():
						t.Error("the request ended with its body")
					case <-time.After(2 * bodyTime):
					}
				}))}
				theirs, ours := net.Pipe()
				l := &single{conn: make(chan net.Conn, 1)}
				l.conn <- theirs
				go func() { _ = server.Serve(l) }()
				answered := make(chan struct{})
				began := time.Now()
				go func() {
					_, err := io.WriteString(ours, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 500\r\n\r\n"+tt.sent)
					for err == nil && tt.pause > 0 {
						select {
						case <-answered:
							return
						case <-time.After(tt.pause):
							_, err = ours.Write([]byte{' '})
						}
					}
				}()
				resp, err := http.ReadResponse(bufio.NewReader(ours), nil)
				close(answered)
				if err != nil {
					t.Fatal(err)
				}
				took := time.Since(began)
				if tt.status == http.StatusOK {
					took -= 2 * bodyTime
				}
				if resp.StatusCode != tt.status || took > tt.after {
					t.Errorf("%d after %v, want %d after %v", resp.StatusCode, took, tt.status, tt.after)
				}
				_ = ours.Close()
				_ = server.Close()
			})
		})
	}
}

// TestALateReaderKeepsHisConnection: he takes the answer when the time for an unread body has long passed.
func TestALateReaderKeepsHisConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := &http.Server{Handler: Bounded(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if err := r.Context().Err(); err != nil {
				t.Errorf("a request began with %v", err)
			}
			var body struct{}
			if _, err := readJSON(w, r, &body); err != nil {
				t.Error(err)
			}
			_, _ = w.Write(make([]byte, 3000))
		}))}
		theirs, ours := net.Pipe()
		l := &single{conn: make(chan net.Conn, 1)}
		l.conn <- theirs
		go func() { _ = server.Serve(l) }()
		in := bufio.NewReader(ours)
		for range 3 {
			if _, err := io.WriteString(ours, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}"); err != nil {
				t.Fatal(err)
			}
			<-time.After(3 * unreadTime)
			resp, err := http.ReadResponse(in, nil)
			if err == nil {
				_, err = io.Copy(io.Discard, resp.Body)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		_ = ours.Close()
		_ = server.Close()
	})
}

// TestAServerMayBeStricter: with a time of its own for reading.
func TestAServerMayBeStricter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := &http.Server{ReadTimeout: bodyTime / 10, Handler: Bounded(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			began := time.Now()
			if _, err := io.ReadAll(r.Body); err == nil || time.Since(began) > bodyTime/10 {
				t.Errorf("%v after %v", err, time.Since(began))
			}
		}))}
		theirs, ours := net.Pipe()
		l := &single{conn: make(chan net.Conn, 1)}
		l.conn <- theirs
		go func() { _ = server.Serve(l) }()
		if _, err := io.WriteString(ours, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{"); err != nil {
			t.Fatal(err)
		}
		if _, err := http.ReadResponse(bufio.NewReader(ours), nil); err != nil {
			t.Error(err)
		}
		_ = ours.Close()
		_ = server.Close()
	})
}
