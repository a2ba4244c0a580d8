package shortway

import (
	"bufio"
	"bytes"
	"net/http"
	"strings"
	"testing"
)

const plain = "POST /v1/heartbeat HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer a.b.c\r\n"

func TestRecognise(t *testing.T) {
	for _, tt := range []struct {
		text           string
		want           verdict
		token, session string
	}{
		{plain + "\r\n", known, "a.b.c", ""},
		{plain + "Content-Length: 0\r\nrollcall-session:  web 1 \r\nConnection: Keep-Alive\r\nX: \r\n\r\n", known, "a.b.c", "web 1"},
		{plain + "\r\nPOST", known, "a.b.c", ""},
		{"", unfinished, "", ""},
		{"POST /v1/heartb", unfinished, "", ""},
		{plain, unfinished, "", ""},
		{plain + "\r", unfinished, "", ""},
		{plain + "X\x00", unfinished, "", ""}, // net/http waits for the end of the line too
		{plain + "X\x00: a\r\n", foreign, "", ""},
		{"GET", foreign, "", ""},
		{"POST /v1/heartbeats", foreign, "", ""},
		{plain + "Host: a\r\n", foreign, "", ""},
		{plain + "Transfer-Encoding: chunked\r\n", foreign, "", ""},
		{"POST /v1/heartbeat HTTP/1.1\r\nHost: a\r\n\r\n", foreign, "", ""},
	} {
		h, n, v := recognise([]byte(tt.text))
		if v != tt.want || v == known && (string(h.Token) != tt.token || string(h.Session) != tt.session || !strings.HasSuffix(tt.text[:n], "\r\n\r\n")) {
			t.Errorf("%q: %d, %q, %q, of %d bytes", tt.text, v, h.Token, h.Session, n)
		}
	}
}

// FuzzRecognise: what is recognised net/http takes, as the same request, and as
// one of the same length; and more bytes change no verdict but unfinished.
func FuzzRecognise(f *testing.F) {
	for _, s := range []string{plain + "\r\n", plain + "Content-Length: 0\r\nRollcall-Session: é\r\n\r\nX", plain + "X:y\r\n\r\n\r\n",
		plain + "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", plain + "Content-Length: 5\r\n\r\nhello", plain + "X: a\r\n b\r\n\r\n",
		plain + "X : a\r\n\r\n", plain + "X: a\n\r\n", plain + "\n", plain + "X: \x00\r\n\r\n", plain + "Connection: close\r\n\r\n", "\r\n" + plain} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		h, n, v := recognise(data)
		for i := range data {
			if _, m, early := recognise(data[:i]); early != unfinished && (early != v || m != n) {
				t.Fatalf("%q is %d, and was %d at %d bytes", data, v, early, i)
			}
		}
		if v != known {
			return
		}
		r := bufio.NewReader(bytes.NewReader(data))
		req, err := http.ReadRequest(r)
		if err != nil {
			t.Fatalf("%q: %v", data, err)
		}
		if rest := len(data) - n; r.Buffered() != min(rest, r.Size()-n) {
			t.Errorf("%q: net/http leaves %d bytes, not %d", data, r.Buffered(), rest)
		}
		session, sessions := "", req.Header["Rollcall-Session"]
		if len(sessions) > 0 {
			session = sessions[0]
		}
		if req.Method != http.MethodPost || req.RequestURI != "/v1/heartbeat" || req.Proto != "HTTP/1.1" || req.Close || req.ContentLength != 0 ||
			req.Body != http.NoBody || len(req.TransferEncoding) > 0 || req.Trailer != nil || req.Host == "" ||
			len(req.Header["Authorization"]) != 1 || req.Header["Authorization"][0] != "Bearer "+string(h.Token) ||
			len(sessions) > 1 || (len(sessions) > 0) != (h.Session != nil) || session != string(h.Session) {
			t.Errorf("%q: net/http reads %+v", data, req)
		}
		for _, name := range others {
			if req.Header.Get(name) != "" {
				t.Errorf("%q has %s", data, name)
			}
		}
	})
}

func BenchmarkRecognise(b *testing.B) {
	text := []byte("POST /v1/heartbeat HTTP/1.1\r\nHost: presence.example.com\r\nUser-Agent: okhttp/4.12.0\r\nAuthorization: Bearer " +
		strings.Repeat("abcdefghijklm.", 16) + "\r\nContent-Length: 0\r\n\r\n")
	b.ReportAllocs()
	for b.Loop() {
		if _, _, v := recognise(text); v != known {
			b.Fatal(v)
		}
	}
}
