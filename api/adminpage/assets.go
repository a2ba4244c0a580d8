package adminpage

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"io/fs"
	"net/http"
	"path"
	"strconv"
	"strings"
	"sync"
)

// contentTypes are those of the files that are served.
var contentTypes = map[string]string{
	".js":  "text/javascript; charset=utf-8",
	".css": "text/css; charset=utf-8",
	".svg": "image/svg+xml",
	".txt": "text/plain; charset=utf-8",
}

// form is a file as it is sent. The two forms of a file have different tags, as
// what a cache keeps under a tag must be the same to the byte.
type form struct {
	data []byte
	tag  string
}

// file is one of the page's files.
type file struct {
	contentType string
	plain       form
	zipped      form // data is nil where it would not be shorter
}

// files returns the page's files by name. They are compressed once, when the
// first is asked for.
var files = sync.OnceValues(func() (map[string]*file, error) {
	found, err := fs.ReadDir(dist, "dist/assets")
	if err != nil {
		return nil, err //nolint:wrapcheck // it says all: the build has left the files out
	}
	all := map[string]*file{}
	for _, entry := range found {
		contentType, ok := contentTypes[path.Ext(entry.Name())]
		if !ok {
			continue
		}
		data, err := dist.ReadFile("dist/assets/" + entry.Name())
		if err != nil {
			return nil, err //nolint:wrapcheck // likewise
		}
		sum := sha256.Sum256(data)
		tag := hex.EncodeToString(sum[:8])
		f := &file{contentType: contentType, plain: form{data, `"` + tag + `"`}}
		if z := zipped(data); len(z) < len(data) {
			f.zipped = form{z, `"` + tag + `-gzip"`}
		}
		all[entry.Name()] = f
	}
	return all, nil
})

func zipped(data []byte) []byte {
	var b bytes.Buffer
	w, _ := gzip.NewWriterLevel(&b, gzip.BestCompression) // the level is one that there is
	w.Write(data)                                         //nolint:errcheck // a buffer takes everything
	w.Close()                                             //nolint:errcheck // likewise
	return b.Bytes()
}

// ServeAsset answers with the page's file name, compressed for who takes that,
// and says whether there is one; where there is none it has written nothing.
// Names stay the same when the page changes, so a browser asks each time whether
// what it has is still right.
func ServeAsset(w http.ResponseWriter, r *http.Request, name string) bool {
	all, err := files()
	f := all[name]
	if err != nil || f == nil {
		return false
	}
	h, sent := w.Header(), f.plain
	secure(h)
	h.Set("Cache-Control", "no-cache")
	h.Set("Vary", "Accept-Encoding")
	if f.zipped.data != nil && takesGzip(r.Header.Values("Accept-Encoding")) {
		sent = f.zipped
		h.Set("Content-Encoding", "gzip")
	}
	h.Set("ETag", sent.tag)
	if hasTag(r.Header.Values("If-None-Match"), sent.tag) {
		h.Del("Content-Encoding") // it is about a body, and there is none
		w.WriteHeader(http.StatusNotModified)
		return true
	}
	h.Set("Content-Type", f.contentType)
	h.Set("Content-Length", strconv.Itoa(len(sent.data)))
	w.Write(sent.data) // a client that has gone is no fault
	return true
}

// takesGzip reads Accept-Encoding. What gzip itself is given counts before what
// is given to all.
func takesGzip(accepted []string) bool {
	all := false
	for part := range strings.SplitSeq(strings.Join(accepted, ","), ",") {
		name, parameters, _ := strings.Cut(part, ";")
		takes := true
		if key, value, ok := strings.Cut(strings.TrimSpace(parameters), "="); ok && strings.EqualFold(key, "q") {
			q, err := strconv.ParseFloat(value, 64)
			takes = err == nil && q > 0
		}
		switch strings.ToLower(strings.TrimSpace(name)) {
		case "gzip", "x-gzip":
			return takes
		case "*":
			all = takes
		}
	}
	return all
}

// hasTag tells whether If-None-Match names tag. A proxy may have made it weak.
func hasTag(given []string, tag string) bool {
	for one := range strings.SplitSeq(strings.Join(given, ","), ",") {
		if one = strings.TrimSpace(one); one == "*" || strings.TrimPrefix(one, "W/") == tag {
			return true
		}
	}
	return false
}
