package api

import (
	"net/http"
	"strings"

	"github.com/go-chi/chi/v5"

	"github.com/rollcall-dev/rollcall/api/docspage"
)

// docs serves the page that shows the document, and its files. The page names them relative to itself, so that it works
// under any prefix.
func (a *API) docs(q request) (int, error) {
	if file := chi.URLParam(q.r, "file"); file != "" {
		allow(q.w, pageMost)
		found, err := docspage.ServeFile(q.w, q.r, file)
		if !found && err == nil {
			err = fault(notFound, "The page has no such file.")
		}
		return http.StatusOK, err
	}
	if strings.HasSuffix(q.r.URL.Path, "/") {
		docspage.ServePage(q.w, "", "../openapi.json")
	} else {
		docspage.ServePage(q.w, "docs/", "openapi.json")
	}
	return http.StatusOK, nil
}
