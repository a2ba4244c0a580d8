package api

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/rollcall-dev/rollcall/api/auth"
)

// The document is made from the routes and from the very types that requests are decoded into and answers are encoded
// from, so that it cannot say something else than the code does.

const about = "Who is online, when everybody was last seen, and who was online at any moment. " +
	"Every write answers with its place in the log, Rollcall-Seq; every read takes min_seq, to see a write for certain."

// openAPI returns the OpenAPI 3.1 document of all routes that have an id.
func openAPI(all []route, version string) ([]byte, error) {
	doc := &huma.OpenAPI{
		OpenAPI: "3.1.0",
		Info: &huma.Info{Title: "Rollcall", Version: version, Description: about,
			Contact: &huma.Contact{Name: "Rollcall", URL: "https://github.com/rollcall-dev/rollcall"},
			License: &huma.License{Name: "Apache-2.0", Identifier: "Apache-2.0"}},
		Servers: []*huma.Server{{URL: ".", Description: "Where this document is, whatever prefix that has"}},
		Components: &huma.Components{
			Schemas: huma.NewMapRegistry("#/components/schemas/", huma.DefaultSchemaNamer),
			SecuritySchemes: map[string]*huma.SecurityScheme{
				"bearer": {Type: "http", Scheme: "bearer", BearerFormat: "JWT"},
				"cookie": {Type: "apiKey", In: "cookie", Name: auth.CookieName},
			},
		},
	}
	d := describer{schemas: doc.Components.Schemas}
	for i := range all {
		if rt := &all[i]; rt.id != "" {
			doc.AddOperation(d.operation(rt))
			if n := len(doc.Tags); n == 0 || doc.Tags[n-1].Name != rt.group {
				doc.Tags = append(doc.Tags, &huma.Tag{Name: rt.group, Description: groups[rt.group]})
			}
		}
	}
	d.schemas.Map()["Problem"].Properties["code"].Enum = allCodes()
	d.openAnswers(all)
	d.flattenAll(doc)
	err := d.dropUnused(doc)
	data, err2 := json.Marshal(doc)
	if err := errors.Join(err, err2); err != nil {
		return nil, fmt.Errorf("making the OpenAPI document: %w", err)
	}
	return data, nil
}

// openAnswers lets answers grow: a client must not trip over a field that it does not know. Requests stay as strict as
// the decoder is, which for the old paths is not at all.
func (d describer) openAnswers(all []route) {
	strict := map[*huma.Schema]bool{}
	for i := range all {
		if all[i].group == "Legacy" {
			continue
		}
		for _, t := range all[i].does.body {
			strict[d.schemas.Schema(t, false, "")] = true
		}
	}
	for _, s := range d.schemas.Map() {
		if !strict[s] {
			s.AdditionalProperties = nil
		}
	}
}

// flattenAll puts one object in the place of each union of objects.
func (d describer) flattenAll(doc *huma.OpenAPI) {
	for _, item := range doc.Paths {
		for _, op := range []*huma.Operation{item.Get, item.Post, item.Put, item.Delete} {
			if op == nil {
				continue
			}
			for _, response := range op.Responses {
				for _, m := range response.Content {
					if len(m.Schema.OneOf) > 0 {
						m.Schema = d.flatten(m.Schema)
					}
				}
			}
		}
	}
	for _, s := range d.schemas.Map() {
		for _, property := range s.Properties {
			if items := property.Items; items != nil && len(items.OneOf) > 0 {
				property.Items = d.flatten(items)
			}
		}
	}
}

func allCodes() (names []any) {
	for _, c := range slices.Sorted(maps.Keys(kinds)) {
		names = append(names, string(c))
	}
	return names
}

// openapi serves the document.
func (a *API) openapi(q request) (int, error) {
	h := q.w.Header()
	h["Content-Type"] = jsonHeader
	secure(h)
	write(q.w, a.document)
	return http.StatusOK, nil
}

// describer makes operations of routes; the schemas of their types gather in the registry.
type describer struct{ schemas huma.Registry }

func (d describer) operation(rt *route) *huma.Operation {
	say := tellings[rt.id]
	op := &huma.Operation{OperationID: rt.id, Method: rt.method, Path: rt.path, Summary: rt.title, Description: say.about, Security: []map[string][]string{}, Tags: []string{rt.group},
		Parameters: parameters(rt), Responses: map[string]*huma.Response{}}
	if rt.flags&open == 0 {
		op.Security = []map[string][]string{{"bearer": {}}, {"cookie": {}}}
	}
	if len(rt.does.body) > 0 {
		op.RequestBody = &huma.RequestBody{Required: rt.does.needed, Content: d.content(rt.does.body, func(media string) any { return say.example(media, say.asks) })}
	}
	for status, c := range rt.does.answers {
		op.Responses[strconv.Itoa(status)] = &huma.Response{Description: http.StatusText(status), Headers: headers(rt.tells),
			Content: d.content(c, func(media string) any { return say.example(media, say.answerOf(rt, status)) })}
	}
	byStatus, first := map[int][]string{}, map[int]code{}
	for _, c := range codesOf(rt) {
		if _, ok := first[kinds[c].status]; !ok {
			first[kinds[c].status] = c
		}
		byStatus[kinds[c].status] = append(byStatus[kinds[c].status], string(c))
	}
	for status, names := range byStatus {
		op.Responses[strconv.Itoa(status)] = &huma.Response{Description: strings.Join(names, ", "), Content: d.content(carry[problem](typeProblem),
			func(string) any { return exampleProblem(first[status]) })}
	}
	return op
}

func (d describer) content(c contents, example func(media string) any) map[string]*huma.MediaType {
	types := map[string]*huma.MediaType{}
	for media, t := range c {
		types[media] = &huma.MediaType{Schema: d.schemas.Schema(t, true, ""), Example: example(media)}
	}
	return types
}

// codesOf returns all that rt can fail with, sorted: what its table row says, and what follows from the rest of it.
func codesOf(rt *route) []code {
	codes := slices.Clone(rt.fails)
	if len(rt.does.offers) > 0 {
		codes = append(codes, notAcceptable, internal)
	}
	if rt.flags&open == 0 {
		codes = append(codes, missingToken, invalidToken, expiredToken, authUnavailable, rateLimited)
		if rt.method != get {
			codes = append(codes, notAllowed) // a cookie from elsewhere
		}
	}
	if rt.flags&writes != 0 {
		codes = append(codes, logUnavailable, logFull, logSlow, shuttingDown, internal)
	}
	if rt.flags&keyed != 0 {
		codes = append(codes, invalidParameter, idempotencyConflict)
	}
	if len(rt.does.body) > 0 {
		codes = append(codes, malformedBody, unknownField, bodyTooLarge, unsupportedMediaType, requestTimeout)
	}
	if rt.flags&lenient == 0 {
		codes = append(codes, invalidParameter)
	}
	if slices.Contains(rt.query, "min_seq") {
		codes = append(codes, viewBehind)
	}
	if strings.Contains(rt.path, "{user}") {
		codes = append(codes, invalidUser)
	}
	slices.SortFunc(codes, func(x, y code) int {
		return cmp.Or(cmp.Compare(kinds[x].status, kinds[y].status), cmp.Compare(x, y))
	})
	return slices.Compact(codes)
}
