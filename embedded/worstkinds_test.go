//go:build torture && linux

package embedded_test

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"time"
)

// kinds are those of worst user, each with what one did to a node that had no
// bound for it. Without a token, a plain user, a reader, a service.
var kinds = []struct {
	name string
	do   func(ctx context.Context, w *worst)
}{
	{"requests without a token", func(ctx context.Context, w *worst) {
		w.loops(ctx, w.connections, func(int) { w.ask(ctx, "GET", "/v1/me", "") })
	}},
	{"bad tokens, heartbeats", func(ctx context.Context, w *worst) {
		w.loops(ctx, w.connections, func(i int) { w.ask(ctx, "POST", "/v1/heartbeat", w.plain+fmt.Sprint(i)) })
	}},
	{"paths that there are not", func(ctx context.Context, w *worst) {
		w.loops(ctx, w.connections, func(i int) { w.ask(ctx, "GET", fmt.Sprintf("/x/%d", i), "") })
	}},
	{"/readyz, /metrics, /openapi.json", func(ctx context.Context, w *worst) {
		paths := []string{"/readyz?verbose", "/metrics", "/openapi.json", "/admin/assets/admin.js"}
		w.loops(ctx, w.connections, func(i int) { w.ask(ctx, "GET", paths[i%len(paths)], "") })
	}},
	{"a script of /docs, unread", func(ctx context.Context, w *worst) {
		w.raw(ctx, w.connections, "GET /docs/swagger-ui-bundle.js HTTP/1.1\r\nHost: x\r\n\r\n", func(net.Conn) { <-ctx.Done() })
	}},
	{"a script of /docs, read", func(ctx context.Context, w *worst) {
		w.loops(ctx, w.connections, func(int) { w.ask(ctx, "GET", "/docs/swagger-ui-bundle.js", "", "Accept-Encoding", "identity") })
	}},
	{"1,500 connections that say nothing", func(ctx context.Context, w *worst) {
		w.raw(ctx, 1500, "", func(c net.Conn) { _, _ = c.Read(make([]byte, 1)) })
	}},
	{"a connection for each request", func(ctx context.Context, w *worst) {
		w.raw(ctx, w.connections, "GET /v1/me HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", func(c net.Conn) { _, _ = c.Read(make([]byte, 1)) })
	}},
	{"headers that never end", func(ctx context.Context, w *worst) {
		w.raw(ctx, w.connections, "GET /v1/me HTTP/1.1\r\nHost: x\r\nX: "+strings.Repeat("x", 12<<10), func(c net.Conn) { _, _ = c.Read(make([]byte, 1)) })
	}},
	{"heartbeats without a pause", func(ctx context.Context, w *worst) {
		w.loops(ctx, w.connections, func(int) { w.ask(ctx, "POST", "/v1/heartbeat", w.plain) })
	}},
	{"a new session with each beat", func(ctx context.Context, w *worst) {
		var n atomic.Int64
		w.loops(ctx, w.connections, func(int) {
			w.ask(ctx, "POST", "/v1/heartbeat", w.plain, "Rollcall-Session", fmt.Sprintf("s-%d", n.Add(1)))
		})
	}},
	{"a new session with each login, long devices", func(ctx context.Context, w *worst) {
		var n atomic.Int64
		w.loops(ctx, w.connections, func(int) {
			w.post(ctx, w.plain, "/v1/login", "application/json",
				strings.NewReader(fmt.Sprintf(`{"session":"t-%d","device":%q}`, n.Add(1), strings.Repeat("<", 256))))
		})
	}},
	{"own id 1,000 times in a query", func(ctx context.Context, w *worst) {
		body := `{"users":["mallory"` + strings.Repeat(`,"mallory"`, 999) + `]}`
		w.loops(ctx, w.connections, func(int) {
			w.post(ctx, w.plain, "/v1/users/query", "application/json", strings.NewReader(body))
		})
	}},
	{"own id 1,000 times in a query, unread", func(ctx context.Context, w *worst) {
		body := `{"users":["mallory"` + strings.Repeat(`,"mallory"`, 499) + `]}`
		w.raw(ctx, w.connections, fmt.Sprintf("POST /v1/users/query HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s",
			w.plain, len(body), body), func(net.Conn) { <-ctx.Done() })
	}},
	{"a query for 1,000 others", func(ctx context.Context, w *worst) {
		var ids []string
		for i := range 1000 {
			ids = append(ids, fmt.Sprintf("%q", strings.Repeat("x", 120)+fmt.Sprint(i)))
		}
		body := `{"users":[` + strings.Join(ids, ",") + `]}`
		w.loops(ctx, w.connections, func(int) {
			w.post(ctx, w.plain, "/v1/users/query", "application/json", strings.NewReader(body))
		})
	}},
	{"themselves, without a pause", func(ctx context.Context, w *worst) {
		w.loops(ctx, w.connections, func(int) { w.ask(ctx, "GET", "/v1/me", w.plain) })
	}},
	{"themselves in the past", func(ctx context.Context, w *worst) {
		path := "/v1/users/mallory?at=" + time.Now().UTC().Add(-time.Second).Format("2006-01-02T15:04:05Z")
		w.loops(ctx, w.connections, func(int) { w.ask(ctx, "GET", path, w.plain) })
	}},
	{"live streams, as many as there may be", func(ctx context.Context, w *worst) {
		w.raw(ctx, w.connections, "GET /v1/stream?users=mallory HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer "+w.plain+"\r\n\r\n", func(c net.Conn) {
			b := make([]byte, 64)
			if n, _ := c.Read(b); strings.Contains(string(b[:n]), "429") {
				return
			}
			<-ctx.Done()
		})
	}},
	{"streams that resume far back", func(ctx context.Context, w *worst) {
		w.raw(ctx, w.connections, "GET /v1/stream?users=mallory HTTP/1.1\r\nHost: x\r\nLast-Event-ID: 1\r\nAuthorization: Bearer "+w.plain+"\r\n\r\n",
			func(c net.Conn) { _, _ = c.Read(make([]byte, 4096)) })
	}},
	{"the same Idempotency-Key", func(ctx context.Context, w *worst) {
		w.loops(ctx, w.connections, func(int) { w.ask(ctx, "POST", "/v1/login", w.plain, "Idempotency-Key", "again") })
	}},
	{"lines over the rate limit, 20 MB", func(ctx context.Context, w *worst) {
		body := bytes.Repeat([]byte(`{"type":"heartbeat","user":"mallory"}`+"\n"), 20<<20/38)
		w.loops(ctx, w.connections, func(int) {
			w.post(ctx, w.plain, "/v1/events", "application/x-ndjson", bytes.NewReader(body))
		})
	}},
	{"a line that never ends", func(ctx context.Context, w *worst) {
		head := "POST /v1/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + w.plain + "\r\nContent-Type: application/x-ndjson\r\nContent-Length: 60000000\r\n\r\n"
		w.raw(ctx, w.connections, head, func(c net.Conn) {
			part := bytes.Repeat([]byte("x"), 64<<10)
			for n := 0; ctx.Err() == nil; n++ {
				if _, err := c.Write(part); err != nil {
					return
				}
				if n > 12 {
					<-time.After(time.Second)
				}
			}
		})
	}},
	{"reader: offline, one, in all", func(ctx context.Context, w *worst) {
		w.loops(ctx, 24, func(int) { w.ask(ctx, "GET", "/v1/users?status=offline&limit=1", w.reader) })
	}},
	{"reader: snapshots", func(ctx context.Context, w *worst) {
		w.raw(ctx, w.connections, "GET /v1/stream HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer "+w.reader+"\r\n\r\n",
			func(c net.Conn) { _, _ = c.Read(make([]byte, 4096)) })
	}},
	{"service: 8 uploads of 30,000 logins", func(ctx context.Context, w *worst) {
		var n atomic.Int64
		w.loops(ctx, 8, func(int) {
			var body bytes.Buffer
			at := n.Add(1)
			for i := range 30_000 {
				fmt.Fprintf(&body, `{"type":"login","user":"bulk-%d-%d"}`+"\n", at%8, i%3000)
			}
			r, _ := http.NewRequestWithContext(ctx, "POST", w.url+"/v1/events", &body)
			r.Header.Set("Authorization", "Bearer "+w.service)
			r.Header.Set("Content-Type", "application/x-ndjson")
			w.send(r)
		})
	}},
}
