package api

import (
	"io"
	"mime"
	"net/http"
	"strings"
)

// maxBody bounds a JSON body, in bytes.
const maxBody = 64 << 10

var errTooLarge = fault(bodyTooLarge, "A body may have 64 KiB; one that asks for many users 512 KiB; lines and batches of events 64 MiB, at 1 MiB each.")

// maxNames bounds a body that names users, in bytes: a thousand of the longest ids, escaped as JSON may be.
const maxNames = 512 << 10

// long is a body that may be longer than maxBody.
type long interface{ most() int64 }

// readJSON fills the struct at into from the body of r, if r has one.
func readJSON(w http.ResponseWriter, r *http.Request, into any) (found bool, err error) {
	if r.ContentLength == 0 {
		return false, nil
	}
	most := int64(maxBody)
	if l, ok := into.(long); ok {
		most = l.most()
	}
	if r.ContentLength > most {
		return false, errTooLarge
	}
	data, err := io.ReadAll(http.MaxBytesReader(w, r.Body, most))
	if err != nil {
		return false, asReadFault(err)
	}
	if len(data) == 0 { // chunked, and then nothing
		return false, nil
	}
	media, err := mediaType(r)
	if err != nil {
		return false, err
	}
	if media != "" && media != typeJSON {
		return false, wrongMedia(media, typeJSON)
	}
	return true, decode(data, into)
}

// mediaType returns the media type of r's body in lower case, "" where r names none. It refuses what would make the
// body something else than the bytes that it is.
func mediaType(r *http.Request) (string, error) {
	if encoding := r.Header.Get("Content-Encoding"); encoding != "" && !strings.EqualFold(encoding, "identity") {
		return "", fault(unsupportedMediaType, "The body must not be compressed.")
	}
	value := r.Header.Get("Content-Type")
	if value == "" {
		return "", nil
	}
	media, params, err := mime.ParseMediaType(value)
	if err != nil {
		return "", fault(unsupportedMediaType, "The header Content-Type cannot be read.")
	}
	if charset := params["charset"]; charset != "" && !strings.EqualFold(charset, "utf-8") && !strings.EqualFold(charset, "utf8") {
		return "", fault(unsupportedMediaType, "The body must be UTF-8.")
	}
	return media, nil
}

// wrongMedia says what to send instead.
func wrongMedia(media string, wanted ...string) error {
	f := fault(unsupportedMediaType, "Send one of these content types: "+strings.Join(wanted, ", ")+".")
	if media == typeForm {
		f.detail = "The body came as a form, as curl -d sends it: add -H 'Content-Type: application/json'."
	}
	return f
}
