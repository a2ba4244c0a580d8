package shortway

import "bytes"

// Heartbeat is what a request says that was recognised. Its slices are parts of
// the buffer that it came in.
type Heartbeat struct {
	Token   []byte // of the header Authorization: letters of base64url, and dots
	Session []byte // the header Rollcall-Session; nil: there is none
}

// verdict is what a connection's bytes are.
type verdict uint8

const (
	unfinished verdict = iota // the begin of a heartbeat
	known                     // a heartbeat, and what comes after it
	foreign                   // anything else
	ended                     // nothing, and nothing more comes
)

const requestLine = "POST /v1/heartbeat HTTP/1.1\r\n"

// recognise says what b begins with, and how long the heartbeat is if that is
// one. Every line is judged as soon as it is whole, so that net/http can refuse a
// bad one when it would have. It is stricter than net/http everywhere: lines end
// in CR LF, values hold no control character, and a header that could mean
// anything for this request, or for where it ends, makes it foreign.
func recognise(b []byte) (h Heartbeat, n int, v verdict) {
	if most := min(len(b), len(requestLine)); string(b[:most]) != requestLine[:most] {
		return h, 0, foreign
	} else if most < len(requestLine) {
		return h, 0, unfinished
	}
	n = len(requestLine)
	var seen headers
	for {
		end := bytes.IndexByte(b[n:], '\n')
		if end < 0 {
			return h, 0, unfinished
		}
		line := b[n : n+end]
		n += end + 1
		if len(line) == 0 || line[len(line)-1] != '\r' {
			return h, 0, foreign
		}
		if line = line[:len(line)-1]; len(line) == 0 {
			break
		}
		if !h.read(line, &seen) {
			return h, 0, foreign
		}
	}
	if seen&needed != needed {
		return h, 0, foreign
	}
	return h, n, known
}

// headers is a set of those that are read; none may come twice.
type headers uint8

const (
	host headers = 1 << iota
	authorization
	session
	contentLength
	connectionHeader

	needed = host | authorization
)

// read takes the header in line, and reports false for one that makes the
// request foreign.
func (h *Heartbeat) read(line []byte, seen *headers) bool {
	name, value, ok := bytes.Cut(line, []byte(":"))
	if !ok || !isToken(name) {
		return false
	}
	value = bytes.Trim(value, " ")
	for _, c := range value {
		if c < ' ' || c == 0x7f {
			return false
		}
	}
	var this headers
	switch {
	case is(name, "Host"):
		this, ok = host, isHost(value)
	case is(name, "Authorization"):
		this = authorization
		h.Token, ok = bytes.CutPrefix(value, []byte("Bearer "))
		ok = ok && isCompact(h.Token)
	case is(name, "Rollcall-Session"):
		this, ok = session, len(value) > 0
		h.Session = value
	case is(name, "Content-Length"):
		this, ok = contentLength, string(value) == "0"
	case is(name, "Connection"):
		this, ok = connectionHeader, is(value, "keep-alive")
	default:
		return !matters(name)
	}
	if !ok || *seen&this != 0 {
		return false
	}
	*seen |= this
	return true
}

// others are the headers that net/http, a middleware or the API looks at, or that
// say where a request ends, besides those that are read here.
var others = []string{"Transfer-Encoding", "Expect", "Upgrade", "HTTP2-Settings", "Trailer", "TE", "Cookie", "Origin",
	"Access-Control-Request-Method", "Idempotency-Key"}

func matters(name []byte) bool {
	for _, o := range others {
		if is(name, o) {
			return true
		}
	}
	return false
}

// is compares without regard to case. s is ASCII, and only ASCII equals it.
func is(b []byte, s string) bool {
	if len(b) != len(s) {
		return false
	}
	for i, c := range b {
		if lower(c) != lower(s[i]) {
			return false
		}
	}
	return true
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + ('a' - 'A')
	}
	return c
}

// class says what a byte may be part of.
type class uint8

const (
	ofToken   class = 1 << iota // RFC 9110, section 5.6.2
	ofHost                      // of what net/http takes in a Host the usual part
	ofCompact                   // a JWT in its compact form
)

var classes = func() (t [256]class) {
	add := func(chars string, c class) {
		for i := range len(chars) {
			t[chars[i]] |= c
		}
	}
	add("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-._", ofToken|ofHost|ofCompact)
	add("!#$%&'*+^`|~", ofToken)
	add(":[]", ofHost)
	return t
}()

func isToken(b []byte) bool   { return consists(b, ofToken) }
func isHost(b []byte) bool    { return consists(b, ofHost) }
func isCompact(b []byte) bool { return consists(b, ofCompact) }

// consists reports whether b is not empty and all of class.
func consists(b []byte, of class) bool {
	for _, c := range b {
		if classes[c]&of == 0 {
			return false
		}
	}
	return len(b) > 0
}
