package api

import (
	"net/http"
	"strings"

	"github.com/rollcall-dev/rollcall/api/auth"
)

// identify returns who asks. A request that brings its token in the cookie must come from the service's own pages
// where it changes something: a browser adds a cookie unasked.
func (a *API) identify(r *http.Request) (*auth.Principal, error) {
	who, err := a.cfg.Auth.FromRequest(r)
	if err != nil {
		return nil, err
	}
	if len(r.Header["Authorization"]) == 0 {
		if err := a.sameOrigin(r); err != nil {
			return nil, err
		}
	}
	return who, nil
}

// errOtherOrigin names the one way in which the service's own page gets it.
var errOtherOrigin = fault(notAllowed, "A page of another origin may not do this with the cookie of this one. "+
	"If it is the service's own page, a proxy rewrites the header Host: have it pass on the browser's, as Host or as X-Forwarded-Host.")

// sameOrigin returns errOtherOrigin for a request of a page of another origin that would change something.
func (a *API) sameOrigin(r *http.Request) error {
	if a.origins.Check(r) == nil || a.origins.Check(forwarded(r)) == nil {
		return nil
	}
	return errOtherOrigin
}

// forwarded is r with the host that a proxy says the browser asked for. No page can send that header to another origin:
// it would take a preflight that allows the cookie, which none does.
func forwarded(r *http.Request) *http.Request {
	host, _, _ := strings.Cut(r.Header.Get("X-Forwarded-Host"), ",")
	if host = strings.TrimSpace(host); host == "" {
		return r
	}
	asked := *r
	asked.Host = host
	return &asked
}

// errNotAllowed is the same whether the user exists or not.
var errNotAllowed = fault(notAllowed, "The token does not allow this.")

// may returns errNotAllowed unless who asks may do action to user; user is "" where it concerns nobody in particular.
func (q request) may(action auth.Action, user string) error {
	if !auth.Allow(q.who, action, user) {
		return errNotAllowed
	}
	return nil
}
