// Package docspage shows an OpenAPI document in the browser. All that the page needs is in the binary: it works without
// the internet, and its policy keeps it from asking there.
package docspage

import (
	"bytes"
	"compress/gzip"
	"embed"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"path"
	"strings"
	"sync"
)

//go:embed page.html
var page string

//go:embed assets
var assets embed.FS

// policy lets the page load its own files and call its own service. The images are in the style sheet.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// ServePage answers with the page. files and document are where it finds its files and the OpenAPI document, relative
// to its own address.
func ServePage(w http.ResponseWriter, files, document string) {
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", policy)
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Content-Type-Options", "nosniff")
	io.WriteString(w, strings.NewReplacer("{{assets}}", files, "{{document}}", document).Replace(page))
}

// contentTypes are those of the files that are served.
var contentTypes = map[string]string{
	".js":  "text/javascript; charset=utf-8",
	".css": "text/css; charset=utf-8",
	"":     "text/plain; charset=utf-8", // the licenses
	".txt": "text/plain; charset=utf-8",
}

// ServeFile answers with the page's file name. Without one of that name, or with an error, it has written nothing.
func ServeFile(w http.ResponseWriter, r *http.Request, name string) (bool, error) {
	contentType, ok := contentTypes[path.Ext(name)]
	if !ok {
		return false, nil
	}
	all, err := files()
	f, ok := all[name]
	if err != nil || !ok {
		return false, err
	}
	h, data := w.Header(), f.plain
	if f.packed != nil {
		h.Set("Vary", "Accept-Encoding")
		if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
			h.Set("Content-Encoding", "gzip")
			data = f.packed
		}
	}
	h.Set("Content-Type", contentType)
	h.Set("Cache-Control", "public, max-age=3600")
	h.Set("X-Content-Type-Options", "nosniff")
	w.Write(data) // a client that has gone is no fault
	return true, nil
}

// file is one of the page's files, as all who ask for it share it.
type file struct{ plain, packed []byte } // packed: with gzip; nil: it lies there as it is

// files returns the page's files by name. They are unpacked once, when the first
// is asked for: one copy for all, however many do not read theirs.
var files = sync.OnceValues(func() (map[string]file, error) {
	found, err := fs.ReadDir(assets, "assets")
	if err != nil {
		return nil, err //nolint:wrapcheck // it says all: the build has left the files out
	}
	all := map[string]file{}
	for _, entry := range found {
		data, err := assets.ReadFile("assets/" + entry.Name())
		if err != nil {
			return nil, err //nolint:wrapcheck // likewise
		}
		name, packed := strings.CutSuffix(entry.Name(), ".gz")
		if !packed {
			all[name] = file{plain: data}
			continue
		}
		plain, err := unpack(data)
		if err != nil {
			return nil, err
		}
		all[name] = file{plain: plain, packed: data}
	}
	return all, nil
})

func unpack(data []byte) ([]byte, error) {
	z, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("unpacking a file of the page: %w", err)
	}
	if data, err = io.ReadAll(z); err != nil {
		return nil, fmt.Errorf("unpacking a file of the page: %w", err)
	}
	return data, nil
}
