package api

import (
	"net/http"
	"strings"

	"github.com/go-chi/chi/v5"

	"github.com/rollcall-dev/rollcall/api/adminpage"
)

// admin serves the admin page. Anybody may have it: what it shows it asks of the other calls, which look at the cookie.
func (a *API) admin(q request) (int, error) {
	if !strings.HasSuffix(q.r.URL.Path, "/") {
		q.w.Header().Set("Location", "admin/") // relative, so that it holds under any prefix
		q.w.WriteHeader(http.StatusPermanentRedirect)
		return http.StatusPermanentRedirect, nil
	}
	return http.StatusOK, adminpage.ServePage(q.w)
}

// adminAsset serves a file of the admin page.
func (a *API) adminAsset(q request) (int, error) {
	allow(q.w, pageMost)
	if !adminpage.ServeAsset(q.w, q.r, chi.URLParam(q.r, "file")) {
		return 0, fault(notFound, "The page has no such file.")
	}
	return http.StatusOK, nil
}
