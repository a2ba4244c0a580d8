// Package adminpage is the page on which people see who is there and change it. It is built from web by Vite; what is
// built is kept here, so that the Go build needs no Node. The page asks nobody but the service that it comes from.
package adminpage

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"net/http"
	"path"
)

//go:embed dist
var dist embed.FS

// policy lets the page load its own files and call its own service, and nothing else.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// contentTypes are those of the files that are served.
var contentTypes = map[string]string{
	".js":  "text/javascript; charset=utf-8",
	".css": "text/css; charset=utf-8",
	".svg": "image/svg+xml",
	".txt": "text/plain; charset=utf-8",
}

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
	w.Write(page) //nolint:errcheck // a client that has gone is no fault
	return nil
}

// ServeAsset answers with the page's file name, and says whether there is one; where there is none it has written
// nothing. Names stay the same when the page changes, so a browser asks each time whether what it has is still right.
func ServeAsset(w http.ResponseWriter, r *http.Request, name string) bool {
	contentType, ok := contentTypes[path.Ext(name)]
	data, err := dist.ReadFile("dist/assets/" + name)
	if !ok || err != nil {
		return false
	}
	sum := sha256.Sum256(data)
	tag := `"` + hex.EncodeToString(sum[:8]) + `"`
	h := w.Header()
	secure(h)
	h.Set("Cache-Control", "no-cache")
	h.Set("ETag", tag)
	if r.Header.Get("If-None-Match") == tag {
		w.WriteHeader(http.StatusNotModified)
		return true
	}
	h.Set("Content-Type", contentType)
	w.Write(data) //nolint:errcheck // a client that has gone is no fault
	return true
}

func secure(h http.Header) {
	h.Set("Content-Security-Policy", policy)
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
}
