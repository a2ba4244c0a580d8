package embedded_test

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rollcall-dev/rollcall/embedded"
)

// doorsOf runs a node and returns the addresses that it listens at: of the API
// with and without the short way of heartbeats, and of what is apart.
func doorsOf(t *testing.T) (addrs map[string]string) {
	t.Helper()
	addrs = map[string]string{}
	for name, cfg := range map[string]embedded.Config{
		"the short way": {MetricsAddr: "127.0.0.1:0"},
		"net/http":      {ShortHeartbeatsOff: true},
	} {
		cfg.DataDir = t.TempDir()
		n, _ := begin(t, cfg)
		<-n.Ready()
		if addrs[name] = n.Addr(); cfg.MetricsAddr != "" {
			addrs["what is apart"] = n.MetricsAddr()
		}
	}
	return addrs
}

// TestAFloodOfHeadersIsRefused sends headers without an end. The node answers
// 431 and hangs up.
func TestAFloodOfHeadersIsRefused(t *testing.T) {
	const most = 64 << 10 // 16 KiB are allowed, and the buffers on the way hold some
	for name, addr := range doorsOf(t) {
		for kind, flood := range map[string]struct{ head, line string }{
			"many":      {"", "X-Filler: " + strings.Repeat("a", 100) + "\r\n"},
			"one":       {"X-Filler: ", strings.Repeat("a", 110)},
			"one token": {"Authorization: Bearer ", strings.Repeat("a", 110)},
		} {
			t.Run(name+"/"+kind, func(t *testing.T) {
				conn, err := net.Dial("tcp", addr)
				if err != nil {
					t.Fatal(err)
				}
				defer conn.Close()
				var wrote sync.WaitGroup
				wrote.Go(func() {
					_, err := io.WriteString(conn, "POST /v1/heartbeat HTTP/1.1\r\nHost: x\r\n"+flood.head)
					for sent, n := 0, 0; err == nil && sent < 8<<20; sent += n {
						n, err = io.WriteString(conn, flood.line)
					}
				})
				resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
				if err == nil {
					defer resp.Body.Close()
				}
				if err != nil || resp.StatusCode != http.StatusRequestHeaderFieldsTooLarge || !resp.Close {
					t.Errorf("answered %+v, %v", resp, err)
				}
				conn.Close()
				wrote.Wait()
			})
		}
		// What fits is taken.
		for size, want := range map[int]int{8 << 10: http.StatusOK, most: http.StatusRequestHeaderFieldsTooLarge} {
			req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+addr+"/livez", http.NoBody)
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("X-Filler", strings.Repeat("a", size))
			resp, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			if resp.StatusCode != want {
				t.Errorf("%s: %d bytes are answered with %s", name, size, resp.Status)
			}
		}
	}
}

// TestSlowHeadersAreNotWaitedFor sends headers a byte at a time, and a head
// without an end. The node hangs up, whatever comes how often.
func TestSlowHeadersAreNotWaitedFor(t *testing.T) {
	t.Parallel()
	var clients sync.WaitGroup
	for name, addr := range doorsOf(t) {
		for kind, head := range map[string]string{
			"a byte at a time": "POST /v1/heartbeat HTTP/1.1\r\nHost: x\r\nX-Filler: " + strings.Repeat("a", 1<<20),
			"no end":           "POST /v1/heartbeat HTTP/1.1\r\nHost: x\r\n",
		} {
			clients.Go(func() {
				if err := dawdle(addr, head); err != nil {
					t.Errorf("%s, %s: %v", name, kind, err)
				}
			})
		}
	}
	clients.Wait()
}

// dawdle sends head slowly until the other side hangs up. It returns an error if
// that has not happened after a minute.
func dawdle(addr, head string) error {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := conn.SetReadDeadline(time.Now().Add(time.Minute)); err != nil { // ours; the node's is 10 s
		return err
	}
	var wrote sync.WaitGroup
	defer wrote.Wait()
	over := make(chan struct{})
	defer close(over)
	wrote.Go(func() {
		pace := time.NewTicker(20 * time.Millisecond)
		defer pace.Stop()
		for i := range len(head) {
			if _, err := io.WriteString(conn, head[i:i+1]); err != nil {
				return
			}
			select {
			case <-over:
				return
			case <-pace.C:
			}
		}
	})
	if _, err := io.Copy(io.Discard, conn); errors.Is(err, os.ErrDeadlineExceeded) {
		return errors.New("after a minute the node still waits for the rest")
	}
	return nil
}
