package api

import (
	"net/http"
	"strings"
	"time"

	"github.com/rollcall-dev/rollcall/api/auth"
	"github.com/rollcall-dev/rollcall/events"
)

const (
	// cookieLife is the longest that the cookie lives.
	cookieLife = time.Hour
	// maxCookie is what browsers keep of a cookie, name and value; they drop a longer one in silence.
	maxCookie = 4096 - len(auth.CookieName) - len("_65535=")
	// headerPrefix tells where the service begins in the addresses that a page uses, such as /presence: it knows best.
	headerPrefix = "Rollcall-Prefix"
)

type sessionAnswer struct {
	User    string `json:"user"`
	Expires moment `json:"expires" doc:"When the cookie ends: with the token, or in an hour"`
}

// signIn gives the bearer token back as a cookie, for pages and EventSource, which can set no header. A cookie is no
// way to a new one, and pages of other origins cannot give one to a browser that is not theirs to use.
func (a *API) signIn(q request, _ *none) (*sessionAnswer, error) {
	if err := a.sameOrigin(q.r); err != nil {
		return nil, err
	}
	_, token, ok := strings.Cut(q.r.Header.Get("Authorization"), " ")
	if !ok {
		return nil, auth.ErrMissing
	}
	if len(token) > maxCookie {
		return nil, invalidParameter.at("header.Authorization", "the token is too long for a cookie")
	}
	now := a.cfg.Now()
	expires := now.Add(cookieLife)
	if q.who.Expires.Before(expires) {
		expires = q.who.Expires
	}
	life := int(expires.Sub(now) / time.Second)
	if life < 1 { // good only for the leeway
		return nil, auth.ErrExpired
	}
	http.SetCookie(q.w, cookie(q.r, token, life))
	return &sessionAnswer{User: q.who.User, Expires: moment(events.MillisOf(expires))}, nil
}

// signOut makes the browser forget the cookie, whether its token is still good or not.
func (a *API) signOut(q request) (int, error) {
	if err := a.sameOrigin(q.r); err != nil {
		return 0, err
	}
	http.SetCookie(q.w, cookie(q.r, "", -1))
	secure(q.w.Header())
	q.w.WriteHeader(http.StatusNoContent)
	return http.StatusNoContent, nil
}

func cookie(r *http.Request, token string, life int) *http.Cookie {
	//nolint:gosec // Secure follows the browser: a node without TLS is reached over plain HTTP
	return &http.Cookie{Name: auth.CookieOf(r), Value: token, Path: cookiePath(r), MaxAge: life, HttpOnly: true,
		SameSite: http.SameSiteStrictMode, Secure: cameByTLS(r)}
}

// cookiePath is where in the host the service lies, as the browser sees it, so that other applications of the host do
// not get the token: what the page says, else the prefix that a proxy says it took away and that which was stripped
// within this program.
func cookiePath(r *http.Request) string {
	if prefix, ok := prefixIn(r, headerPrefix); ok {
		return prefix
	}
	before, _ := prefixIn(r, "X-Forwarded-Prefix")
	uri, _, _ := strings.Cut(r.RequestURI, "?")
	within, stripped := strings.CutSuffix(strings.TrimSuffix(uri, "/"), "/v1/session")
	if !stripped || !isPrefix(within) {
		within = ""
	}
	if path := strings.TrimSuffix(before, "/") + within; path != "" {
		return path
	}
	return "/"
}

// prefixIn returns the first value of a header that holds a prefix of paths, without a slash at its end.
func prefixIn(r *http.Request, header string) (prefix string, ok bool) {
	value, _, _ := strings.Cut(r.Header.Get(header), ",")
	value = strings.TrimSpace(value)
	if value == "/" {
		return value, true
	}
	if value = strings.TrimSuffix(value, "/"); !isPrefix(value) {
		return "", false
	}
	return value, true
}

// isPrefix says whether s is one or more segments of a path, of which nothing could end a cookie's attribute.
func isPrefix(s string) bool {
	if len(s) < 2 || s[0] != '/' || strings.HasPrefix(s, "//") {
		return false
	}
	return strings.IndexFunc(s, func(c rune) bool { return c <= ' ' || c > '~' || strings.ContainsRune(`;,\"`, c) }) < 0
}

// cameByTLS says whether the browser spoke TLS, to this program or to a proxy before it. Its own word for that is the
// origin of the page, which needs no proxy that is set up to tell.
func cameByTLS(r *http.Request) bool {
	proto, _, _ := strings.Cut(r.Header.Get("X-Forwarded-Proto"), ",")
	return r.TLS != nil || strings.EqualFold(strings.TrimSpace(proto), "https") || strings.HasPrefix(strings.ToLower(r.Header.Get("Origin")), "https://")
}
