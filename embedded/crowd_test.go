package embedded

import (
	"bufio"
	"net"
	"net/http"
	"slices"
	"testing"
	"time"
)

// crowded is a server of so many connections at most, without a short way.
func crowded(t *testing.T, most int, h http.Handler) (addr string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	d := &doors{}
	d.crowd = crowd{most: most, idle: map[net.Conn]time.Time{}, count: d.connections}
	s := newHTTPServer(Config{}.withDefaults(), healthOnly(h))
	s.ConnState, s.ConnContext = d.count, spareContext
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = s.Serve(crowdedListener{l, d})
	}()
	t.Cleanup(func() { _ = s.Close(); <-ended })
	return l.Addr().String()
}

// ask sends a request on a connection of its own, and leaves that open.
func ask(t *testing.T, addr, path string) (status int) {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
	if _, err := conn.Write([]byte("GET " + path + " HTTP/1.1\r\nHost: x\r\n\r\n")); err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return resp.StatusCode
}

// TestIdleConnectionsMakeRoom for whoever comes next, however many there are.
func TestIdleConnectionsMakeRoom(t *testing.T) {
	addr := crowded(t, 8, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }))
	for range 40 {
		if status := ask(t, addr, "/v1/me"); status != http.StatusNoContent {
			t.Fatalf("%d", status)
		}
	}
}

// TestWhereAllAreAtWorkHealthIsAnswered, and everybody else told to come again.
func TestWhereAllAreAtWorkHealthIsAnswered(t *testing.T) {
	begun, release := make(chan struct{}, 8), make(chan struct{})
	addr := crowded(t, 4, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/work" {
			begun <- struct{}{}
			<-release
		}
		w.WriteHeader(http.StatusNoContent)
	}))
	defer close(release)
	for range 4 {
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if _, err := conn.Write([]byte("GET /work HTTP/1.1\r\nHost: x\r\n\r\n")); err != nil {
			t.Fatal(err)
		}
		<-begun
	}
	var got []int
	for _, path := range []string{"/livez", "/v1/me", "/readyz", "/metrics"} {
		got = append(got, ask(t, addr, path))
	}
	if want := []int{204, 429, 204, 204}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}
