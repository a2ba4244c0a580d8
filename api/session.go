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
	maxCookie = 4096 - len(auth.CookieName) - 1
)

type sessionAnswer struct {
	User    string `json:"user"`
	Expires moment `json:"expires" doc:"When the cookie ends: with the token, or in an hour"`
}

// signIn gives the bearer token back as a cookie, for pages and EventSource, which can set no header. A cookie is no
// way to a new one.
func (a *API) signIn(q request, _ *none) (*sessionAnswer, error) {
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
	return &http.Cookie{Name: auth.CookieName, Value: token, Path: "/", MaxAge: life, HttpOnly: true,
		SameSite: http.SameSiteStrictMode, Secure: r.TLS != nil || strings.EqualFold(r.Header.Get("X-Forwarded-Proto"), "https")}
}
