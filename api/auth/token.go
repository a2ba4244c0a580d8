package auth

import (
	"encoding/base64"
	"slices"
	"strings"
)

// maxToken bounds a token, in bytes; more is refused unread.
const maxToken = 8 << 10

// strict refuses padding and set bits beyond the last byte, either of which would give one token many spellings.
var strict = base64.RawURLEncoding.Strict()

// headerNames are the header parameters whose case variants are refused.
var headerNames = []string{"alg", "kid", "typ", "crit", "b64", "jku", "jwk", "x5u"}

// barredHeaders change what a signature means or say where to get a key; nobody who is configured here sends them.
var barredHeaders = []string{"crit", "b64", "jku", "jwk", "x5u"}

// reading is what a token says, as yet unproven. With faults some of it is missing.
type reading struct {
	signed         string // header.payload as sent: what the signature is over
	signature      []byte // nil where it could not be decoded
	header, claims []byte // JSON as sent; nil where it could not be decoded
	alg, kid       string
	said           claims // once readClaims has been there
	faults         faults // all but those of time and of the signature
}

// read takes a token apart and its header too; algs are those accepted. The claims wait until they are proven to be
// worth the work.
func read(token string, algs []string) (t reading) {
	parts, ok := split(token)
	if !ok {
		t.faults.add("it is not three base64url parts in at most %d bytes", maxToken)
		return t
	}
	t.signed = token[:len(parts[0])+1+len(parts[1])]
	t.header = t.decode("header", parts[0])
	t.claims = t.decode("claims", parts[1])
	t.signature = t.decode("signature", parts[2])
	if t.header != nil {
		t.readHeader(algs)
	}
	return t
}

// split cuts a token at its two dots. ok is false for anything but three non-empty parts of base64url letters; the
// decoder alone would skip line breaks.
func split(token string) (parts [3]string, ok bool) {
	if len(token) > maxToken {
		return parts, false
	}
	n, start := 0, 0
	for i := range len(token) {
		switch c := token[i]; {
		case c == '.':
			if n == 2 || i == start {
				return parts, false
			}
			parts[n] = token[start:i]
			n, start = n+1, i+1
		case !isBase64URL(c):
			return parts, false
		}
	}
	parts[2] = token[start:]
	return parts, n == 2 && parts[2] != ""
}

func isBase64URL(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '_'
}

func (t *reading) decode(name, part string) []byte {
	b, err := strict.DecodeString(part)
	if err != nil {
		t.faults.add("the %s is not strict base64url", name)
		return nil
	}
	return b
}

func (t *reading) readHeader(algs []string) {
	o, err := readObject(t.header)
	if err != nil {
		t.faults.add("the header %v", err)
		t.header = nil
		return
	}
	t.faults = append(t.faults, o.faults("header", headerNames)...)
	for _, name := range barredHeaders {
		if o.get(name) != nil {
			t.faults.add("header %s is not allowed", name)
		}
	}
	t.readAlg(o, algs)
	if kid := o.get("kid"); kid != nil {
		var ok bool
		if t.kid, ok = text(kid); !ok {
			t.faults.add("header kid is not a string")
		}
	}
}

func (t *reading) readAlg(o object, algs []string) {
	alg, ok := text(o.get("alg"))
	switch {
	case !ok:
		t.faults.add("header alg is missing or not a string")
	case !slices.Contains(algs, alg):
		t.faults.add("alg %.40q is not one of those accepted: %s", alg, strings.Join(algs, ", "))
	default:
		t.alg = alg
	}
}
