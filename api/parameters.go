package api

import (
	"net/http"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

// known are the parameters that routes name.
var known = map[string]huma.Param{
	"user":    {In: "path", Required: true, Description: "The user id, percent-encoded", Schema: idSchema()},
	"min_seq": {In: "query", Description: "Wait until the view has reached this sequence", Schema: wholeNumber(0, 0)},
	"limit":   {In: "query", Description: "How many at most", Schema: wholeNumber(1, maxLimit)},
	"cursor":  {In: "query", Description: "What the page before called next", Schema: &huma.Schema{Type: huma.TypeString}},
	"at":      {In: "query", Description: "As it was then; not in the future", Schema: timeSchema()},
	"from":    {In: "query", Description: "Not what was before", Schema: timeSchema()},
	"to":      {In: "query", Description: "Not what was then or after", Schema: timeSchema()},
	"step": {In: "query", Description: "The distance of two points, such as 30s, 5m or 1h; 5m where it is left out",
		Schema: &huma.Schema{Type: huma.TypeString}},
	"?user": {In: "query", Description: "Only events of this user", Schema: idSchema()},
	"type": {In: "query", Description: "Only events of these types; may repeat", Explode: new(true),
		Schema: &huma.Schema{Type: huma.TypeArray, Items: &huma.Schema{Type: huma.TypeString, Enum: eventTypes()}}},
	"after_seq":  {In: "query", Description: "Only events after this place: a sequence, such as 1234, or an entry of its commit, such as 1234.17", Schema: &huma.Schema{Type: huma.TypeString, Pattern: `^[0-9]+(\.[0-9]+)?$`}},
	"heartbeats": {In: "query", Description: "Heartbeats too, one by one, for as long as they are kept", Schema: &huma.Schema{Type: huma.TypeBoolean}},
	"follow":     {In: "query", Description: "Lines only: stay open and go on with what comes", Schema: &huma.Schema{Type: huma.TypeBoolean}},
	"users": {In: "query", Description: "Only these. It repeats, one id each time; given once, commas that are not percent-encoded separate ids", Explode: new(true),
		Schema: &huma.Schema{Type: huma.TypeArray, Items: idSchema()}},
	"view": {In: "query", Description: "The one to rebuild; both where it is left out",
		Schema: &huma.Schema{Type: huma.TypeString, Enum: []any{"current", "history"}}},
	"status": {In: "query", Description: "Only users of this status",
		Schema: &huma.Schema{Type: huma.TypeString, Enum: []any{"online", "away", "busy", "offline"}}},
	"Idempotency-Key": {In: "header", Description: "A repeat with the same key within two minutes adds nothing and answers with the first sequence",
		Schema: &huma.Schema{Type: huma.TypeString, MinLength: new(1), MaxLength: new(maxKey)}},
	"Last-Event-ID": {In: "header", Description: "Go on behind the message with this id; where that is no longer known it begins with reset and a snapshot",
		Schema: &huma.Schema{Type: huma.TypeString}},
	headerPrefix: {In: "header", Description: "Where the service begins in the addresses that the page uses, such as /presence: the cookie's path",
		Schema: &huma.Schema{Type: huma.TypeString}},
	"Rollcall-Session": {In: "header", Description: "The session that the request is about, where its body names none", Schema: idSchema()},
}

// exampleParameters are values that do no harm where a page sends them as they are.
var exampleParameters = map[string]any{
	"user": "alice", "min_seq": 0, "limit": 100, "cursor": "YWxpY2U", "at": "2026-11-23T08:00:00Z", "from": "2026-11-23T08:00:00Z",
	"to": "2026-11-24T08:00:00Z", "step": "5m", "after_seq": "0", "Idempotency-Key": "01JDC1Q2", "Last-Event-ID": "1234", "Rollcall-Session": "web-1", headerPrefix: "/",
}

func parameters(rt *route) (all []*huma.Param) {
	names := slices.Clone(rt.query)
	if strings.Contains(rt.path, "{user}") {
		names = append(names, "user")
	}
	if rt.flags&keyed != 0 {
		names = append(names, "Idempotency-Key")
	}
	if slices.Contains(rt.fails, invalidSession) {
		names = append(names, "Rollcall-Session")
	}
	if rt.path == "/v1/session" {
		names = append(names, headerPrefix)
	}
	if _, streams := rt.does.answers[http.StatusOK][typeEvents]; streams {
		names = append(names, "Last-Event-ID")
	}
	for i, name := range names {
		p, ok := known["?"+name]
		if !ok || i >= len(rt.query) {
			p = known[name]
		}
		p.Name = name
		if example, ok := exampleParameters[name]; ok {
			schema := *p.Schema
			schema.Examples = []any{example}
			p.Schema = &schema
		}
		all = append(all, &p)
	}
	return all
}

func headers(names []string) map[string]*huma.Param {
	meaning := map[string]string{
		headerSeq:       "Where the write, or the view that was read, stands in the log",
		headerHeartbeat: "Send a heartbeat this often, in seconds",
		headerTimeout:   "The silence after which the session ends, in seconds",
	}
	all := map[string]*huma.Param{}
	for _, name := range names {
		all[name] = &huma.Param{Description: meaning[name], Schema: wholeNumber(0, 0)}
	}
	return all
}

func idSchema() *huma.Schema {
	return &huma.Schema{Type: huma.TypeString, MinLength: new(1), MaxLength: new(128)}
}

func timeSchema() *huma.Schema { return &huma.Schema{Type: huma.TypeString, Format: "date-time"} }

// wholeNumber describes an integer from least to most; 0 for most is no bound.
func wholeNumber(least, most float64) *huma.Schema {
	s := &huma.Schema{Type: huma.TypeInteger, Format: "int64", Minimum: &least}
	if most > 0 {
		s.Maximum = &most
	}
	return s
}

var _ huma.SchemaProvider = interval(0)

// Schema describes an interval.
func (interval) Schema(huma.Registry) *huma.Schema { return wholeNumber(1, maxInterval) }
