// Package adminpage is the page on which people see who is there and change it. It is built from web by Vite; what is
// built is kept here, so that the Go build needs no Node. The page asks nobody but the service that it comes from.
package adminpage

import (
	"embed"
	"net/http"
)

//go:embed dist
var dist embed.FS

// policy lets the page load its own files and call its own service, and nothing else.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// ServePage answers with the page. It names its files and the service relative to its own address, which must end in a
// slash.
func ServePage(w http.ResponseWriter) error {
	page, err := dist.ReadFile("dist/index.html")
	if err != nil {
		return err //nolint:wrapcheck // it says all: the build has left the page out
	}
	h := w.Header()
	secure(h)
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	w.Write(page) // a client that has gone is no fault
	return nil
}

func secure(h http.Header) {
	h.Set("Content-Security-Policy", policy)
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
}
