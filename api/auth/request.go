package auth

import (
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"
)

// CookieName is the cookie that carries a token where no header can be set: the admin page and EventSource. See
// CookieOf.
const CookieName = "rollcall_session"

// CookieOf is the name under which the answer to r sets the cookie: CookieName, with the port that r asks for where
// that is not the scheme's own. Browsers do not keep the cookies of a host's ports apart, so two nodes on one host would
// sign each other's users out.
func CookieOf(r *http.Request) string {
	_, port, err := net.SplitHostPort(r.Host)
	if err == nil {
		_, err = strconv.ParseUint(port, 10, 16)
	}
	if err != nil {
		return CookieName
	}
	return CookieName + "_" + port
}

const bearer = "Bearer "

// FromRequest verifies the token of r: the one Authorization header, of the scheme Bearer, or, where there is none, the
// cookie CookieOf(r), or CookieName. A header that is there but unusable is ErrInvalid and never falls back on the cookie. The errors
// are those of Verify, and ErrMissing where r carries neither. With a remembered token in the header it does not
// allocate.
func (v *Verifier) FromRequest(r *http.Request) (*Principal, error) {
	values := r.Header["Authorization"] // canonical, as net/http stores it
	if len(values) == 0 {
		return v.fromCookie(r)
	}
	if len(values) > 1 {
		return nil, fmt.Errorf("%w: %d Authorization headers", ErrInvalid, len(values))
	}
	value := values[0]
	if len(value) < len(bearer) || !strings.EqualFold(value[:len(bearer)], bearer) {
		return nil, fmt.Errorf("%w: the Authorization header is not of the scheme Bearer", ErrInvalid)
	}
	return v.Verify(r.Context(), value[len(bearer):])
}

// fromCookie refuses two cookies of the name: one of them could have been planted from a sibling domain.
func (v *Verifier) fromCookie(r *http.Request) (*Principal, error) {
	name := CookieOf(r)
	cookies := r.CookiesNamed(name)
	if len(cookies) == 0 {
		name = CookieName
		cookies = r.CookiesNamed(name)
	}
	switch {
	case len(cookies) == 0 || len(cookies) == 1 && cookies[0].Value == "":
		return nil, ErrMissing
	case len(cookies) > 1:
		return nil, fmt.Errorf("%w: %d cookies named %s", ErrInvalid, len(cookies), name)
	}
	return v.Verify(r.Context(), cookies[0].Value)
}
