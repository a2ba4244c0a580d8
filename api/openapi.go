package api

import (
	"cmp"
	"encoding/json"
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
		Info:    &huma.Info{Title: "Rollcall", Version: version, Description: about},
		Servers: []*huma.Server{{URL: "/"}},
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
				doc.Tags = append(doc.Tags, &huma.Tag{Name: rt.group})
			}
		}
	}
	d.schemas.Map()["Problem"].Properties["code"].Enum = allCodes()
	d.openAnswers(all)
	data, err := json.Marshal(doc)
	if err != nil {
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
	q.w.Write(a.document) //nolint:errcheck // a client that has gone is no fault
	return http.StatusOK, nil
}

// describer makes operations of routes; the schemas of their types gather in the registry.
type describer struct{ schemas huma.Registry }

func (d describer) operation(rt *route) *huma.Operation {
	op := &huma.Operation{OperationID: rt.id, Method: rt.method, Path: rt.path, Summary: rt.title, Tags: []string{rt.group},
		Parameters: parameters(rt), Responses: map[string]*huma.Response{}}
	if rt.flags&open == 0 {
		op.Security = []map[string][]string{{"bearer": {}}, {"cookie": {}}}
	}
	if len(rt.does.body) > 0 {
		op.RequestBody = &huma.RequestBody{Required: rt.does.needed, Content: d.content(rt.does.body)}
	}
	for status, c := range rt.does.answers {
		op.Responses[strconv.Itoa(status)] = &huma.Response{Description: http.StatusText(status), Content: d.content(c), Headers: headers(rt.tells)}
	}
	byStatus := map[int][]string{}
	for _, c := range codesOf(rt) {
		byStatus[kinds[c].status] = append(byStatus[kinds[c].status], string(c))
	}
	for status, names := range byStatus {
		op.Responses[strconv.Itoa(status)] = &huma.Response{Description: strings.Join(names, ", "), Content: d.content(carry[problem](typeProblem))}
	}
	return op
}

func (d describer) content(c contents) map[string]*huma.MediaType {
	types := map[string]*huma.MediaType{}
	for media, t := range c {
		types[media] = &huma.MediaType{Schema: d.schemas.Schema(t, true, "")}
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
		codes = append(codes, missingToken, invalidToken, expiredToken, authUnavailable)
		if rt.method != get {
			codes = append(codes, notAllowed) // a cookie from elsewhere
		}
	}
	if rt.flags&writes != 0 {
		codes = append(codes, rateLimited, logUnavailable, logFull, logSlow, shuttingDown, internal)
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
