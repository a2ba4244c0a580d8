package api

import (
	"bytes"
	"encoding/json"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

// told is what the document says of a call beyond what its route does.
type told struct {
	about   string
	asks    string            // an example of a JSON body; "": none
	answers string            // an example of a JSON answer; "": none
	others  map[string]string // media type → an example of it
}

const (
	alicePresence = `{"user":"alice","status":"online","observed":"online","since":"2026-11-23T08:00:00.123Z","last_seen":"2026-11-23T08:04:30.456Z","seq":1234,` +
		`"sessions":[{"session":"web-1","device":"Firefox","since":"2026-11-23T08:00:00.123Z","last_seen":"2026-11-23T08:04:30.456Z","idle":false}]}`
	aliceOverridden = `{"user":"alice","status":"busy","observed":"online","since":"2026-11-23T08:05:00.000Z","last_seen":"2026-11-23T08:04:30.456Z","seq":1240,` +
		`"sessions":[],"override":{"status":"busy","by":"root","reason":"on call","until":"2026-11-23T08:35:00.000Z"}}`
	aliceLoggedIn = `{"seq":1234,"id":"01JDC1","type":"login","v":1,"user":"alice","session":"web-1","at":"2026-11-23T08:00:00.123Z","actor":"alice"}`
	workLines     = `{"done":true}`
	legacyAlice   = `{"id":7,"online_status":"online","last_seen":"2026-11-23T08:04:30.456Z"}`
	whoseSession  = "The session is the one that the body names, else the header's, else the claim sid, else default. "
)

// tellings holds what is told of each call, by the id of its operation. Sample
// bodies are what Swagger's page sends as it offers them: none ends a session or
// says that a page is closing.
var tellings = map[string]told{
	"login": {about: whoseSession + "Answers when the log has acknowledged the login.", asks: `{"session":"web-1","device":"Firefox"}`,
		answers: `{"user":"alice","session":"web-1","seq":1234,"heartbeat_seconds":30,"timeout_seconds":120}`},
	"heartbeat": {about: whoseSession + "The body may be left out. A heartbeat of a session that is not live begins it.", asks: `{"session":"web-1","every":30}`},
	"logout": {about: whoseSession + "The user is offline at once where no other session is live.", asks: `{"session":"web-1"}`,
		answers: `{"user":"alice","seq":1240}`},
	"sendEvents": {about: "Takes one event as JSON (202), or any number of them, a line each, as application/x-ndjson (200): there a bad line is rejected alone.",
		asks: `{"type":"heartbeat","user":"alice","session":"web-1"}`, answers: `{"seq":1234}`,
		others: map[string]string{typeNDJSON: `{"type":"heartbeat","user":"alice"}` + "\n" + `{"type":"login","user":"bob","device":"Firefox"}` + "\n"}},
	"sendHeartbeats": {about: "Takes a rollcall.presence.v1.HeartbeatBatch. A bad heartbeat is rejected alone.",
		answers: `{"accepted":1000,"rejected":0,"seq":1234}`, others: map[string]string{typeProtobuf: "\n\a\n\x05alice"}},
	"setOverride": {about: "Without until and for it holds until it is cleared. Answers when the view shows it.",
		asks: `{"status":"busy","reason":"on call","for":"30m"}`, answers: aliceOverridden},
	"clearOverride": {about: "The user is again what the sessions say. Answers when the view shows it.", answers: alicePresence},
	"eraseUser":     {about: "The user's events leave the archive and all views at once; there is no way back.", answers: `{"user":"alice","events_erased":42,"seq":1240}`},
	"me":            {about: "The presence of the token's own user, with sessions and override.", answers: alicePresence},
	"listUsers": {about: "A page of users in the order of their ids, of one status or of all; with at, as they were then.",
		answers: `{"users":[` + alicePresence + `],"total":1}`},
	"getUser": {about: "The presence of one user; with at, as it was then. Sessions and override are shown to the user, services and admins.", answers: alicePresence},
	"queryUsers": {about: "Up to a thousand users in the order asked. One whom the log has never named has the status unknown, and nothing else.",
		asks: `{"users":["alice","nobody"]}`, answers: `{"users":[` + alicePresence + `,{"user":"nobody","status":"unknown"}]}`},
	"stats": {about: "How many users have which status, and how far the view is after the log.",
		answers: `{"users":4,"online":1,"away":1,"busy":1,"offline":1,"sessions":3,"seq":1234,"lag_seconds":0}`},
	"stream": {about: "Server-Sent Events: snapshot messages first, then a status message for each change. The id of a message is the place that it stands at; " +
		"with Last-Event-ID the changes after it come, or reset and a snapshot where they are no longer there.",
		others: map[string]string{typeEvents: "retry: 2000\nevent: snapshot\nid: 1234\ndata: {\"users\":[]}\n\n"}},
	"history": {about: "The stretches of time in which the user's status was one, oldest first. Accept: text/csv gets all of them as CSV.",
		answers: `{"user":"alice","intervals":[{"status":"online","from":"2026-11-23T08:00:00.123Z","to":null,"cause":"login","actor":"alice","seq":1234}],"online_seconds":300,"complete":true}`,
		others:  map[string]string{typeCSV: "status,from,to,cause,actor,seq\nonline,2026-11-23T08:00:00.123Z,,login,alice,1234\n"}},
	"concurrency": {about: "A point for each step: how many were online then, and at most until the next.",
		answers: `{"points":[{"at":"2026-11-23T08:00:00.000Z","online":41,"peak":42}],"complete":true}`},
	"audit": {about: "The events themselves, in the order of the log. Accept: application/x-ndjson gets all of them, a line each, and can follow the log.",
		answers: `{"events":[` + aliceLoggedIn + `]}`, others: map[string]string{typeNDJSON: aliceLoggedIn}},
	"overdue": {about: "Sessions that have been silent for longer than their timeout and are live in the log. It changes nothing.",
		answers: `{"overdue":[{"user":"alice","session":"web-1","last_seen":"2026-11-23T08:04:30.456Z","due_since":"2026-11-23T08:06:30.456Z"}]}`},
	"emitOverdue": {about: "Appends an offline event for each of them. Nodes do so by themselves unless they are told not to.", answers: `{"emitted":1}`},
	"verify":      {about: "Answers with lines while it works: how far it is, and in the end done with what was found.", others: map[string]string{typeNDJSON: workLines}},
	"rebuild":     {about: "Answers with lines while it works: how far it is, and in the end done. Readers see the old views until then.", others: map[string]string{typeNDJSON: workLines}},
	"signIn": {about: "For pages of the service's own origin, which can set no header on a stream: http-only, same-site, for an hour at most.",
		answers: `{"user":"alice","expires":"2026-11-23T09:00:00.000Z"}`},
	"signOut":         {about: "The browser forgets the cookie. No session of presence ends."},
	"legacyHeartbeat": {about: "Of the system that Rollcall replaces: the status after the beat. The body is not looked at.", answers: `{"status":"online","last_seen":"2026-11-23T08:04:30.456Z"}`},
	"legacyLogin":     {about: "Of the system that Rollcall replaces: what its login did to presence. The body is not looked at.", answers: `{"status":"online"}`},
	"legacyLogout":    {about: "Of the system that Rollcall replaces: what its logout did to presence. The body is not looked at.", answers: `{"status":"offline"}`},
	"legacyOnline":    {about: "Of the system that Rollcall replaces: everybody who is not offline, by id.", answers: `{"count":1,"users":[` + legacyAlice + `]}`},
	"legacyGet":       {about: "Of the system that Rollcall replaces: one who was never seen is offline.", answers: legacyAlice},
	"legacySet": {about: "Of the system that Rollcall replaces: an override for one timeout, unless until or for say otherwise. Forms and unknown fields are taken.",
		asks: `{"status":"online"}`, answers: legacyAlice},
	"livez":  {about: "Answers as long as the process does.", others: map[string]string{"text/plain": "ok\n"}},
	"readyz": {about: "Ready when the log is reached and the views have caught up; 503 else. With ?verbose, one line a check.", others: map[string]string{"text/plain": "ok\n"}},
}

// groups says what the calls of a tag are for.
var groups = map[string]string{
	"Writing":   "Sessions begin, beat and end; overrides come and go.",
	"Reading":   "Who is online now, and who was at a moment.",
	"Live":      "Changes as they come.",
	"The past":  "What has been, and why: admins only, and everybody of themselves where the roles say so.",
	"Operating": "What an admin makes a node do.",
	"Pages":     "The token in a cookie, for the service's own pages.",
	"Legacy":    "The paths of the system that Rollcall replaces, for its clients as they are.",
	"Around it": "Health.",
}

// example returns the one of a media type, nil where there is none.
func (t told) example(media, json string) any {
	if text, ok := t.others[media]; ok {
		if media == typeNDJSON && !strings.HasSuffix(text, "\n") {
			return raw(text) // described as one line
		}
		return text
	}
	if json != "" && (media == typeJSON || media == typeForm || media == typeMultipart) {
		return raw(json)
	}
	return nil
}

// answerOf is the example of the JSON answer with status.
func (t told) answerOf(rt *route, status int) string {
	if rt.id == "sendEvents" && status == 200 {
		return `{"accepted":2,"rejected":0,"seq":1235,"errors":[]}`
	}
	return t.answers
}

func raw(text string) any { return json.RawMessage(text) }

// exampleProblem is what a call answers that fails with c.
func exampleProblem(c code) problem {
	return problem{Type: "/problems/" + string(c), Title: kinds[c].title, Status: kinds[c].status, Code: c, Detail: kinds[c].title + "."}
}

// flatten turns a union of objects into one object that has what any of them has,
// and needs what all of them do: generators make of it a type that can be used as
// it is, which they do not of a union. What of it nothing else names goes.
func (d describer) flatten(union *huma.Schema) *huma.Schema {
	const refs = "#/components/schemas/"
	first := strings.TrimPrefix(union.OneOf[0].Ref, refs)
	name, ok := unions[first]
	if !ok {
		return union
	}
	if _, made := d.schemas.Map()[name]; made {
		return &huma.Schema{Ref: refs + name}
	}
	flat := &huma.Schema{Type: huma.TypeObject, Properties: map[string]*huma.Schema{}}
	needed := map[string]int{}
	for _, ref := range union.OneOf {
		one := d.schemas.SchemaFromRef(ref.Ref)
		if one == nil || one.Type != huma.TypeObject {
			return union
		}
		for name, property := range one.Properties {
			flat.Properties[name] = merged(flat.Properties[name], property)
		}
		for _, name := range one.Required {
			if needed[name]++; needed[name] == len(union.OneOf) {
				flat.Required = append(flat.Required, name)
			}
		}
	}
	d.schemas.Map()[name] = flat
	return &huma.Schema{Ref: refs + name}
}

// unions names what is made of a union, by its first part.
var unions = map[string]string{"Presence": "AnyUser", "WorkProgress": "WorkLine", "LoggedEvent": "LogLine"}

// dropUnused takes components away that were parts of unions only.
func (d describer) dropUnused(doc *huma.OpenAPI) error {
	text, err := json.Marshal(doc)
	if err != nil {
		return err
	}
	for name := range d.schemas.Map() {
		if !bytes.Contains(text, []byte(`"#/components/schemas/`+name+`"`)) {
			delete(d.schemas.Map(), name)
		}
	}
	return nil
}

// merged is a property that may be what either says: their values together.
func merged(a, b *huma.Schema) *huma.Schema {
	if a == nil {
		return b
	}
	if len(a.Enum) == 0 || len(b.Enum) == 0 {
		return a
	}
	both := *a
	both.Enum = append(append([]any{}, a.Enum...), b.Enum...)
	return &both
}
