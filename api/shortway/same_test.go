package shortway_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/rollcall-dev/rollcall/events"
)

// same sends pieces, and a probe, to both addresses and compares all that comes
// back, to the byte, and what the log is given.
func (s *service) same(t testing.TB, pieces ...string) {
	t.Helper()
	pieces = append(pieces, probe)
	got, gotBeats := said(t, s.short, pieces...), s.log.taken()
	want, wantBeats := said(t, s.plain, pieces...), s.log.taken()
	if got != want {
		t.Errorf("%.300q\n the short way says %q\n net/http says      %q", strings.Join(pieces, "|"), got, want)
	}
	if diff := cmp.Diff(wantBeats, gotBeats, cmpopts.IgnoreFields(events.Beat{}, "At")); diff != "" {
		t.Errorf("%.300q\n the log gets %s", strings.Join(pieces, "|"), diff)
	}
}

// odd are requests that are not what they look like, or not what they should be.
func odd() map[string]string {
	token := "Authorization: Bearer " + alice + "\r\n"
	line, host := "POST /v1/heartbeat HTTP/1.1\r\n", "Host: localhost\r\n"
	all := map[string]string{
		"plain":                      request(),
		"two":                        request() + request(),
		"ten":                        strings.Repeat(request(), 10),
		"one, then another call":     request() + "GET /v1/users/bob HTTP/1.1\r\nHost: x\r\n" + token + "\r\n",
		"between other calls":        probe + request() + probe + request(),
		"nothing":                    "",
		"bare LF":                    strings.ReplaceAll(request(), "\r\n", "\n"),
		"bare LF after the line":     strings.Replace(request(), "HTTP/1.1\r\n", "HTTP/1.1\n", 1),
		"bare LF after a header":     strings.Replace(request(), "localhost\r\n", "localhost\n", 1),
		"bare LF at the end":         strings.TrimSuffix(request(), "\r\n") + "\n",
		"bare CR after a header":     strings.Replace(request(), "localhost\r\n", "localhost\r", 1),
		"two CR":                     strings.Replace(request(), "localhost\r\n", "localhost\r\r\n", 1),
		"CR in a value":              request("X: a\rb\r\n"),
		"CR LF CR at the end":        strings.TrimSuffix(request(), "\r\n") + "\r\r\n",
		"line end first":             "\r\n" + request(),
		"line end between":           request() + "\r\n" + request(),
		"LF between":                 request() + "\n" + request(),
		"two line ends between":      request() + "\r\n\r\n" + request(),
		"three line ends between":    request() + "\r\n\r\n\r\n" + request(),
		"CR CR CR CR between":        request() + "\r\r\r\r" + request(),
		"line ends after":            request() + "\r\n\r\n",
		"fewer than four bytes":      request() + "\r\nP",
		"garbage after":              request() + "garbage\r\n\r\n",
		"NUL after":                  request() + "\x00\x00\x00\x00\x00",
		"lower-case method":          "post" + strings.TrimPrefix(request(), "POST"),
		"another method":             "GET" + strings.TrimPrefix(request(), "POST"),
		"HEAD":                       "HEAD" + strings.TrimPrefix(request(), "POST"),
		"OPTIONS":                    "OPTIONS" + strings.TrimPrefix(request(), "POST"),
		"PRI":                        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
		"absolute form":              strings.Replace(request(), "/v1", "http://localhost/v1", 1),
		"absolute form, other host":  strings.Replace(request(), "/v1", "http://other/v1", 1),
		"asterisk form":              strings.Replace(request(), "/v1/heartbeat", "*", 1),
		"authority form":             "CONNECT localhost:80 HTTP/1.1\r\n" + host + token + "\r\n",
		"trailing slash":             strings.Replace(request(), "heartbeat ", "heartbeat/ ", 1),
		"double slash":               strings.Replace(request(), "/v1", "//v1", 1),
		"a query":                    strings.Replace(request(), "heartbeat ", "heartbeat?a=b ", 1),
		"an empty query":             strings.Replace(request(), "heartbeat ", "heartbeat? ", 1),
		"a fragment":                 strings.Replace(request(), "heartbeat ", "heartbeat#x ", 1),
		"an escape":                  strings.Replace(request(), "heartbeat ", "heartbea%74 ", 1),
		"a dot segment":              strings.Replace(request(), "/v1", "/./v1", 1),
		"another case of the path":   strings.Replace(request(), "heartbeat ", "Heartbeat ", 1),
		"HTTP/1.0":                   strings.Replace(request(), "HTTP/1.1", "HTTP/1.0", 1),
		"HTTP/1.0 kept alive":        strings.Replace(request("Connection: keep-alive\r\n"), "HTTP/1.1", "HTTP/1.0", 1),
		"HTTP/1.2":                   strings.Replace(request(), "HTTP/1.1", "HTTP/1.2", 1),
		"HTTP/2.0":                   strings.Replace(request(), "HTTP/1.1", "HTTP/2.0", 1),
		"HTTP/01.1":                  strings.Replace(request(), "HTTP/1.1", "HTTP/01.1", 1),
		"http/1.1":                   strings.Replace(request(), "HTTP/1.1", "http/1.1", 1),
		"no version":                 strings.Replace(request(), " HTTP/1.1", "", 1),
		"space after the version":    strings.Replace(request(), "HTTP/1.1", "HTTP/1.1 ", 1),
		"tab after the version":      strings.Replace(request(), "HTTP/1.1", "HTTP/1.1\t", 1),
		"two spaces":                 strings.Replace(request(), "POST ", "POST  ", 1),
		"a tab in the line":          strings.Replace(request(), "POST ", "POST\t", 1),
		"space first":                " " + request(),
		"no host":                    line + token + "\r\n",
		"two hosts":                  request(host),
		"two hosts, other case":      request("HOST: localhost\r\n"),
		"no token":                   line + host + "\r\n",
		"two tokens":                 request(token),
		"two tokens, other case":     request("authorization: Bearer x\r\n"),
		"Basic":                      line + host + "Authorization: Basic YTpi\r\n\r\n",
		"bearer":                     line + host + "Authorization: bearer " + alice + "\r\n\r\n",
		"two spaces in the token":    line + host + "Authorization: Bearer  " + alice + "\r\n\r\n",
		"no token after Bearer":      line + host + "Authorization: Bearer \r\n\r\n",
		"padding after the token":    line + host + "Authorization: Bearer " + alice + "=\r\n\r\n",
		"a comma after the token":    line + host + "Authorization: Bearer " + alice + ", x\r\n\r\n",
		"space after the token":      line + host + "Authorization: Bearer " + alice + "   \r\n\r\n",
		"an unknown token":           line + host + "Authorization: Bearer a.b.c\r\n\r\n",
		"a token too long":           line + host + "Authorization: Bearer " + strings.Repeat("a", 9<<10) + "\r\n\r\n",
		"a cookie for a token":       line + host + "Cookie: rollcall_session=" + alice + "\r\n\r\n",
		"a cookie besides":           request("Cookie: rollcall_session=x\r\n"),
		"a header without a colon":   request("X\r\n"),
		"a header without a name":    request(": x\r\n"),
		"space before the colon":     request("X : y\r\n"),
		"host, space, colon":         line + "Host : localhost\r\n" + token + "\r\n",
		"tab before the colon":       request("X\t: y\r\n"),
		"TE, space, colon":           request("Transfer-Encoding : chunked\r\n") + "0\r\n\r\n",
		"length, space, colon":       request("Content-Length : 5\r\n") + "hello",
		"a name with a blank":        request("X Y: z\r\n"),
		"a name that is no token":    request("X(Y): z\r\n"),
		"a name with NUL":            request("X\x00: z\r\n"),
		"a name in UTF-8":            request("Ä: z\r\n"),
		"a folded header":            request("X: a\r\n b\r\n"),
		"a folded header with a tab": request("X: a\r\n\tb\r\n"),
		"a folded length":            request("X: a\r\n Content-Length: 5\r\n") + "hello",
		"a first header folded":      line + " " + host + token + "\r\n",
		"NUL in a value":             request("X: a\x00b\r\n"),
		"DEL in a value":             request("X: a\x7fb\r\n"),
		"a tab in a value":           request("X: a\tb\r\n"),
		"high bytes in a value":      request("X: \xff\xfe\r\n"),
		"an empty value":             request("X:\r\n"),
		"no space after the colon":   request("X:y\r\n"),
		"chunked":                    request("Transfer-Encoding: chunked\r\n") + "0\r\n\r\n",
		"chunked, with a body":       request("Transfer-Encoding: chunked\r\n") + "2\r\n{}\r\n0\r\n\r\n",
		"chunked, other case":        request("transfer-encoding: CHUNKED\r\n") + "0\r\n\r\n",
		"chunked and a length":       request("Transfer-Encoding: chunked\r\n", "Content-Length: 0\r\n") + "0\r\n\r\n",
		"a length and chunked":       request("Content-Length: 5\r\n", "Transfer-Encoding: chunked\r\n") + "0\r\n\r\n",
		"identity":                   request("Transfer-Encoding: identity\r\n"),
		"gzip, chunked":              request("Transfer-Encoding: gzip, chunked\r\n") + "0\r\n\r\n",
		"chunked twice":              request("Transfer-Encoding: chunked\r\n", "Transfer-Encoding: chunked\r\n") + "0\r\n\r\n",
		"xchunked":                   request("Transfer-Encoding: xchunked\r\n") + "0\r\n\r\n",
		"chunked after a VT":         request("Transfer-Encoding: \x0bchunked\r\n") + "0\r\n\r\n",
		"an empty TE":                request("Transfer-Encoding: \r\n"),
		"length 0":                   request("Content-Length: 0\r\n"),
		"length 0 without a space":   request("Content-Length:0\r\n"),
		"a body":                     request("Content-Length: 2\r\nContent-Type: application/json\r\n") + "{}",
		"a body that says more":      request("Content-Length: 11\r\n") + `{"every":60}`,
		"a body that does not come":  request("Content-Length: 500\r\n") + "{",
		"expecting 100":              request("Expect: 100-continue\r\n"),
		"expecting 100, with a body": request("Expect: 100-continue\r\n", "Content-Length: 2\r\n") + "{}",
		"expecting more":             request("Expect: more\r\n"),
		"a trailer":                  request("Trailer: X\r\n"),
		"a bad trailer":              request("Trailer: Content-Length\r\n"),
		"TE":                         request("TE: trailers\r\n"),
		"closing":                    request("Connection: close\r\n"),
		"closing, other case":        request("connection: Close\r\n"),
		"kept alive":                 request("Connection: keep-alive\r\n"),
		"Kept Alive":                 request("Connection: Keep-Alive\r\n"),
		"kept alive and closing":     request("Connection: keep-alive, close\r\n"),
		"kept alive, then closing":   request("Connection: keep-alive\r\n", "Connection: close\r\n"),
		"an upgrade":                 request("Connection: Upgrade\r\n", "Upgrade: websocket\r\n"),
		"an upgrade to HTTP/2":       request("Connection: Upgrade, HTTP2-Settings\r\n", "Upgrade: h2c\r\n", "HTTP2-Settings: AAMAAABk\r\n"),
		"an origin":                  request("Origin: https://app.example\r\n"),
		"another origin":             request("Origin: https://evil.example\r\n"),
		"a preflight":                "OPTIONS /v1/heartbeat HTTP/1.1\r\nHost: x\r\nOrigin: https://app.example\r\nAccess-Control-Request-Method: POST\r\n\r\n",
		"a key":                      request("Idempotency-Key: k\r\n"),
		"accepting JSON":             request("Accept: application/json\r\n"),
		"accepting nothing we have":  request("Accept: image/png\r\n"),
		"accepting with weight 0":    request("Accept: */*;q=0\r\n"),
		"a content type":             request("Content-Type: text/plain\r\n"),
		"a content encoding":         request("Content-Encoding: gzip\r\n"),
		"no cache":                   request("Pragma: no-cache\r\n"),
		"another method by header":   request("X-HTTP-Method-Override: DELETE\r\n"),
		"what proxies add":           request("X-Forwarded-For: 10.0.0.1\r\n", "X-Forwarded-Proto: https\r\n", "Via: 1.1 x\r\n", "Forwarded: for=_x\r\n"),
		"what browsers add":          request("User-Agent: x (y; z)\r\n", "Accept-Encoding: gzip, br\r\n", "Sec-Fetch-Site: cross-site\r\n", "DNT: 1\r\n"),
		"a session":                  request("Rollcall-Session: web-1\r\n"),
		"a session, other case":      request("ROLLCALL-SESSION: web-1\r\n"),
		"a session with blanks":      request("Rollcall-Session:   a b   \r\n"),
		"a session in UTF-8":         request("Rollcall-Session: küche\r\n"),
		"a session that is no UTF-8": request("Rollcall-Session: \xff\r\n"),
		"a session with C1":          request("Rollcall-Session: \u0085\r\n"),
		"an empty session":           request("Rollcall-Session:\r\n"),
		"a session too long":         request("Rollcall-Session: " + strings.Repeat("s", 129) + "\r\n"),
		"a session of 128":           request("Rollcall-Session: " + strings.Repeat("s", 128) + "\r\n"),
		"two sessions":               request("Rollcall-Session: a\r\n", "Rollcall-Session: b\r\n"),
		"a head of 6 KiB":            request("X: " + strings.Repeat("x", 6<<10) + "\r\n"),
		"a head of 19 KiB":           request("X: " + strings.Repeat("x", 19<<10) + "\r\n"),
		"a head too large":           request("X: " + strings.Repeat("x", 64<<10) + "\r\n"),
		"many headers":               request(strings.Repeat("X: y\r\n", 300)),
		"a line too long":            "POST /v1/heartbeat" + strings.Repeat("t", 64<<10) + " HTTP/1.1\r\n\r\n",
		"TLS":                        "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
		"half a line":                line[:17],
		"half a head":                request()[:50],
		"a head without its end":     strings.TrimSuffix(request(), "\r\n"),
	}
	for _, n := range []string{"", "1", "-0", "+0", "00", "0x0", "0,0", "0, 0", "0 0", "0;", "0.0", "0_0", "٠", "18446744073709551616", "-1", "5"} {
		all["length "+n] = request("Content-Length: "+n+"\r\n") + "hello"
	}
	all["length 0 twice"] = request("Content-Length: 0\r\n", "Content-Length: 0\r\n")
	all["lengths 0 and 5"] = request("Content-Length: 0\r\n", "Content-Length: 5\r\n") + "hello"
	all["lengths 5 and 0"] = request("Content-Length: 5\r\n", "content-length: 0\r\n") + "hello"
	all["length 0 and a tab"] = request("Content-Length: 0\t\r\n")
	for _, h := range []string{"", "a b", "a\tb", "a,b", "a/b", "a@b", "ä", "a\x00", "[::1]:80", "a:b:c", "a%20b", "a_b", "*", "\"a\"", "a:80"} {
		all["host "+h] = line + "Host: " + h + "\r\n" + token + "\r\n"
	}
	// A second request in the first one's body, where someone might see two.
	inner := "GET /v1/users/bob HTTP/1.1\r\nHost: x\r\n" + token + "\r\n"
	length := fmt.Sprintf("Content-Length: %d\r\n", len(inner))
	for name, h := range map[string]string{"": length, " and length 0": length + "Content-Length: 0\r\n", " after length 0": "Content-Length: 0\r\n" + length,
		" and chunked": length + "Transfer-Encoding: chunked\r\n", " folded": "Content-Length:\r\n " + length[16:], " by LF": "X: y\n" + length,
		" by CR": "X: y\r" + length, " with an underscore": "Content_Length: 5\r\n", " after NUL": "\x00" + length, " after VT": "\x0b" + length} {
		all["a request in a body"+name] = request(h) + inner
	}
	return all
}

// TestNothingIsAnsweredOtherwise: the short way takes nothing that net/http
// refuses, and answers what it takes as the long way does.
func TestNothingIsAnsweredOtherwise(t *testing.T) {
	s := serve(t)
	for name, text := range odd() {
		t.Run(name, func(t *testing.T) { s.same(t, text) })
	}
}

func TestNothingIsAnsweredOtherwiseWhereOtherOriginsMayCall(t *testing.T) {
	s := serve(t, func(u *setup) { u.api.CORSOrigins = []string{"https://app.example"} })
	if got := said(t, s.short, request()); !strings.Contains(got, "\r\nVary: Origin\r\n") {
		t.Errorf("%q", got)
	}
	s.log.taken()
	for name, text := range odd() {
		t.Run(name, func(t *testing.T) { s.same(t, text) })
	}
}

// TestNothingIsAnsweredOtherwiseAfterAHeartbeat: on a connection that the short
// way has served.
func TestNothingIsAnsweredOtherwiseAfterAHeartbeat(t *testing.T) {
	s := serve(t)
	for name, text := range odd() {
		t.Run(name, func(t *testing.T) { s.same(t, request("Rollcall-Session: a\r\n"), text) })
	}
}

func TestASplitChangesNothing(t *testing.T) {
	s := serve(t)
	text := request("Rollcall-Session: a\r\n", "Content-Length: 0\r\n") + "\r\n" + request("X: y\r\n") + "GET /v1/users/bob HTTP/1.1\r\nHost: x\r\n\r\n"
	for i := range text {
		s.same(t, text[:i], text[i:])
	}
	s.same(t, strings.Split(text, "")...)
	s.same(t, strings.SplitAfter(text, "\r")...)
	s.same(t, strings.SplitAfter(text, "\n")...)
}

// TestAByteChangesNothing: wherever a byte is missing, or there twice, or another.
func TestAByteChangesNothing(t *testing.T) {
	s := serve(t)
	text := request("Rollcall-Session: a\r\n", "Content-Length: 0\r\n", "Connection: keep-alive\r\n", "X: y\r\n")
	token := strings.Index(text, alice)
	for i := range text {
		if i > token+1 && i < token+len(alice)-2 {
			continue // one byte of a token is like another
		}
		for _, other := range []string{"", text[i:i+1] + text[i:i+1], "\r", "\n", "\r\n", " ", "\t", "\x00", "\x7f", "\x80", ":", ",", "0", "A", text[i:i+1] + " "} {
			s.same(t, text[:i]+other+text[i+1:])
		}
	}
}
