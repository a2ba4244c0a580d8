package api

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/go-chi/chi/v5"

	"github.com/rollcall-dev/rollcall/events"
)

// user returns the user id in the path, decoded exactly once. chi routes on the escaped path where there is one, and
// then leaves the id escaped; otherwise it routes on the decoded one, and then the id is decoded already.
func (q request) user() (string, error) {
	id := chi.URLParam(q.r, "user")
	if id == "" {
		return "", fault(notFound, "No call has this path.")
	}
	if q.r.URL.RawPath != "" {
		var err error
		if id, err = url.PathUnescape(id); err != nil {
			return "", invalidUser.at("path.user", "this cannot be decoded")
		}
	}
	if err := events.ValidID(id); err != nil {
		return "", invalidUser.at("path.user", err.Error())
	}
	return id, nil
}

// withoutSlash lets a path with a trailing slash answer as the one without. It looks where chi does, so that an id
// that ends in an encoded slash keeps it.
func withoutSlash(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rctx := chi.RouteContext(r.Context())
		path := rctx.RoutePath
		if path == "" {
			path = r.URL.RawPath
		}
		if path == "" {
			path = r.URL.Path
		}
		if n := len(path); n > 1 && path[n-1] == '/' {
			rctx.RoutePath = path[:n-1]
		}
		next.ServeHTTP(w, r)
	})
}

// allowed lists the methods that the path of r takes, as the header Allow has them.
func (a *API) allowed(r *http.Request) string {
	path := chi.RouteContext(r.Context()).RoutePath
	if path == "" {
		path = r.URL.RawPath
	}
	if path == "" {
		path = r.URL.Path
	}
	var methods []string
	for _, m := range []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodDelete} {
		if a.mux.Match(chi.NewRouteContext(), m, path) {
			methods = append(methods, m)
		}
	}
	return strings.Join(methods, ", ")
}
