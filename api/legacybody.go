package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"strconv"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"

	"github.com/rollcall-dev/rollcall/events"
)

// The framework that the replaced system was made with took a form or a multipart
// body where it took JSON, did not look at fields that it had not asked for, and
// let the last one of a name win.

const (
	typeForm      = "application/x-www-form-urlencoded"
	typeMultipart = "multipart/form-data"
)

// legacyID is a user id that is written as a number where it is one: there ids
// were numbers of a table.
type legacyID string

// MarshalJSON writes a number for digits without a leading zero, up to 2^53.
func (id legacyID) MarshalJSON() ([]byte, error) {
	const most = 1 << 53
	n, err := strconv.ParseUint(string(id), 10, 64)
	if err == nil && n <= most && strconv.FormatUint(n, 10) == string(id) {
		return []byte(id), nil
	}
	return json.Marshal(string(id))
}

// Schema describes both.
func (legacyID) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Description: "A number where the id is one (digits without a leading zero, up to 2^53), else a string",
		OneOf: []*huma.Schema{wholeNumber(0, 1<<53), {Type: huma.TypeString}}, Examples: []any{7}}
}

// legacyFields reads the fields of the body of q that are named: name → the last
// value, nil where that is null. An empty body has found false.
func legacyFields(q request, names ...string) (fields map[string]*string, found bool, err error) {
	if q.r.ContentLength == 0 {
		return nil, false, nil
	}
	data, err := io.ReadAll(http.MaxBytesReader(q.w, q.r.Body, maxBody))
	if err != nil {
		return nil, false, asReadFault(err)
	}
	if len(data) == 0 {
		return nil, false, nil
	}
	media, err := mediaType(q.r)
	if err != nil {
		return nil, false, err
	}
	switch media {
	case "", typeJSON:
		fields, err = jsonFields(data, names)
	case typeForm:
		fields, err = formFields(data, names)
	case typeMultipart:
		fields, err = multipartFields(data, q.r.Header.Get("Content-Type"), names)
	default:
		err = wrongMedia(media, typeJSON, typeForm, typeMultipart)
	}
	return fields, true, err
}

func jsonFields(data []byte, names []string) (map[string]*string, error) {
	if !utf8.Valid(data) {
		return nil, fault(malformedBody, "The body is not valid UTF-8.")
	}
	if !json.Valid(data) {
		return nil, syntaxFault(data)
	}
	var all map[string]json.RawMessage // the names exactly as they are written
	if err := json.Unmarshal(data, &all); err != nil || all == nil {
		return nil, fault(malformedBody, "The body is not a JSON object.")
	}
	fields := map[string]*string{}
	for _, name := range names {
		raw, ok := all[name]
		if !ok {
			continue
		}
		var value *string
		if err := json.Unmarshal(raw, &value); err != nil || halfSurrogate(raw) {
			return nil, malformedBody.at("body."+name, "a string")
		}
		fields[name] = value
	}
	return fields, nil
}

func formFields(data []byte, names []string) (map[string]*string, error) {
	values, err := url.ParseQuery(string(data))
	if err != nil {
		return nil, fault(malformedBody, "The form cannot be read.")
	}
	fields := map[string]*string{}
	for _, name := range names {
		if all := values[name]; len(all) > 0 {
			fields[name] = &all[len(all)-1]
		}
	}
	return fields, nil
}

func multipartFields(data []byte, contentType string, names []string) (map[string]*string, error) {
	broken := fault(malformedBody, "The parts of the body cannot be read.")
	_, params, err := mime.ParseMediaType(contentType)
	if err != nil || params["boundary"] == "" {
		return nil, broken
	}
	form, err := multipart.NewReader(bytes.NewReader(data), params["boundary"]).ReadForm(maxBody) // and data has no more
	if errors.Is(err, io.EOF) {
		return map[string]*string{}, nil // of no parts
	}
	if err != nil {
		return nil, broken
	}
	defer func() { _ = form.RemoveAll() }() // in memory: there are no files
	fields := map[string]*string{}
	for _, name := range names {
		if all := form.Value[name]; len(all) > 0 {
			fields[name] = &all[len(all)-1]
		}
	}
	return fields, nil
}

// legacyOverrideOf reads the body of set-online-status.
func legacyOverrideOf(q request) (*legacyOverride, error) {
	fields, found, err := legacyFields(q, "status", "until", "for")
	if err != nil {
		return nil, err
	}
	if !found {
		return nil, fault(malformedBody, "A body is needed.")
	}
	in := &legacyOverride{Until: fields["until"], For: fields["for"]}
	if s := fields["status"]; s != nil {
		in.Status = events.Status(*s)
	}
	return in, nil
}
