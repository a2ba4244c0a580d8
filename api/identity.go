package api

import (
	"net/http"

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

func (a *API) sameOrigin(r *http.Request) error {
	if a.origins.Check(r) != nil {
		return fault(notAllowed, "A page of another origin may not do this with the cookie of this one.")
	}
	return nil
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
