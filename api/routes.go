package api

import (
	"net/http"
	"slices"
)

// route is one call of the contract.
type route struct {
	method, path string
	id           string // of the operation in the document; "": it is not there
	title        string
	does         endpoint
	flags        flags
	cost         int      // of an open route, by what a short answer costs; 0: 1
	query        []string // parameters that it takes
	tells        []string // headers of a success
	fails        []code   // beyond those that follow from the rest
	group        string
}

type flags uint8

const (
	open    flags = 1 << iota // needs no token
	writes                    // limited in rate, and refused by a node that is shutting down
	keyed                     // takes an Idempotency-Key
	lenient                   // takes any query parameter
	streams                   // may take its connection from net/http
)

const (
	get    = http.MethodGet
	post   = http.MethodPost
	put    = http.MethodPut
	remove = http.MethodDelete
)

const (
	headerSeq       = "Rollcall-Seq"
	headerHeartbeat = "Rollcall-Heartbeat"
	headerTimeout   = "Rollcall-Timeout"
	headerRetry     = "Retry-After"
)

var (
	sequence = []string{headerSeq}
	least    = []string{"min_seq"}
)

// routes is the table of all calls. Who may what is decided by auth.Allow in the handler, which knows the user that the
// call is about.
func routes() []route {
	return slices.Concat(
		group("Writing",
			route{method: post, path: "/v1/login", id: "login", title: "Begin a session",
				does: call(200, (*API).login), flags: writes | keyed, tells: sequence,
				fails: []code{invalidSession, invalidDevice}},
			route{method: post, path: "/v1/heartbeat", id: "heartbeat", title: "Say that a session is still there",
				does:  endpoint{serve: (*API).heartbeat, body: carry[heartbeatRequest](typeJSON), answers: empty(204)},
				flags: writes, tells: []string{headerSeq, headerHeartbeat, headerTimeout},
				fails: []code{invalidSession, invalidInterval}},
			route{method: post, path: "/v1/logout", id: "logout", title: "End a session, or all of them",
				does: call(200, (*API).logout), flags: writes | keyed, tells: sequence,
				fails: []code{invalidSession}},
			route{method: post, path: "/v1/events", id: "sendEvents", title: "Send one event of any user, or a stream of them",
				does: streamOfEvents(), flags: writes | keyed, tells: sequence,
				fails: []code{notAllowed, invalidType, invalidUser, invalidSession, invalidDevice, invalidInterval, requestTimeout}},
			route{method: post, path: "/v1/heartbeats", id: "sendHeartbeats", title: "Send heartbeats of many users",
				does: batchOfHeartbeats(), flags: writes, tells: sequence, fails: []code{requestTimeout}},
			route{method: put, path: "/v1/users/{user}/override", id: "setOverride", title: "Put a status over the observed one",
				does: call(200, (*API).setOverride), flags: writes | keyed, tells: sequence,
				fails: []code{notAllowed, invalidStatus, invalidUntil, invalidReason, viewBehind}},
			route{method: remove, path: "/v1/users/{user}/override", id: "clearOverride", title: "Clear an override",
				does: call(200, (*API).clearOverride), flags: writes | keyed, tells: sequence,
				fails: []code{notAllowed, noOverride, viewBehind}},
			route{method: remove, path: "/v1/users/{user}", id: "eraseUser", title: "Erase a user from the log and the views",
				does: call(200, (*API).erase), flags: writes, query: least, tells: sequence,
				fails: []code{notAllowed, unknownUser, viewBehind}},
		),
		group("Reading",
			route{method: get, path: "/v1/me", id: "me", title: "Show the caller",
				does: call(200, (*API).me), query: least, tells: sequence,
				fails: []code{unknownUser}},
			route{method: get, path: "/v1/users", id: "listUsers", title: "List users by status",
				does: call(200, (*API).list), query: []string{"status", "limit", "cursor", "at", "min_seq"}, tells: sequence,
				fails: []code{notAllowed, notFound}},
			route{method: get, path: "/v1/users/{user}", id: "getUser", title: "Show a user",
				does: call(200, (*API).one), query: []string{"at", "min_seq"}, tells: sequence,
				fails: []code{notAllowed, unknownUser, notFound, viewBehind}},
			route{method: post, path: "/v1/users/query", id: "queryUsers", title: "Show many users",
				does: showsMany(), query: least, tells: sequence,
				fails: []code{notAllowed, invalidUser, tooManyUsers}},
			route{method: get, path: "/v1/stats", id: "stats", title: "Count users by status",
				does: call(200, (*API).stats), query: least, tells: sequence,
				fails: []code{notAllowed}},
		),
		group("Live",
			route{method: get, path: "/v1/stream", id: "stream", title: "Get every change of status as it comes",
				does:  endpoint{serve: (*API).watch, answers: map[int]contents{200: carry[string](typeEvents)}, offers: []string{typeEvents}},
				flags: streams,
				query: []string{"users", "min_seq"}, tells: sequence, fails: []code{notAllowed, notFound}},
		),
		group("The past",
			route{method: get, path: "/v1/users/{user}/history", id: "history", title: "Show what a user has been, and why",
				does: intervalsOfUser(), query: []string{"from", "to", "limit", "cursor", "min_seq"}, tells: sequence,
				fails: []code{notAllowed, unknownUser, notFound}},
			route{method: get, path: "/v1/stats/concurrency", id: "concurrency", title: "Count who was online, over time",
				does: call(200, (*API).concurrency), query: []string{"from", "to", "step", "min_seq"}, tells: sequence,
				fails: []code{notAllowed, notFound}},
			route{method: get, path: "/v1/events", id: "audit", title: "Read the events of the log",
				does: eventsOfLog(), query: []string{"user", "type", "from", "to", "after_seq", "limit", "heartbeats", "follow", "min_seq"}, tells: sequence,
				fails: []code{notAllowed, invalidUser, logUnavailable, logSlow}},
		),
		group("Operating",
			route{method: get, path: "/v1/overdue", id: "overdue", title: "List sessions past their timeout that the log has not ended",
				does:  call(200, (*API).overdue),
				fails: []code{notAllowed, notFound, viewBehind, logUnavailable, logSlow}},
			route{method: post, path: "/v1/overdue", id: "emitOverdue", title: "Write down that they have ended",
				does: call(200, (*API).emitOverdue), flags: writes,
				fails: []code{notAllowed, notFound, viewBehind}},
			route{method: post, path: "/v1/verify", id: "verify", title: "Fold the log anew and compare it with the views",
				does: work((*API).verify), fails: []code{notAllowed, notFound, inProgress, shuttingDown}},
			route{method: post, path: "/v1/rebuild", id: "rebuild", title: "Fold the log anew and put the result in the place of the views",
				does: work((*API).rebuild), query: []string{"view"}, fails: []code{notAllowed, notFound, inProgress, shuttingDown}},
		),
		group("Pages",
			route{method: post, path: "/v1/session", id: "signIn", title: "Get the bearer token back as a cookie",
				does: call(200, (*API).signIn)},
			route{method: remove, path: "/v1/session", id: "signOut", title: "Drop the cookie",
				does: endpoint{serve: (*API).signOut, answers: empty(204)}, flags: open,
				fails: []code{notAllowed}},
		),
		group("Legacy",
			route{method: post, path: "/api/users/heartbeat", id: "legacyHeartbeat", title: "Say that the caller is still there",
				does: call(200, (*API).legacyHeartbeat), flags: writes | lenient, tells: sequence,
				fails: []code{invalidSession, viewBehind}},
			route{method: post, path: "/api/users/login", id: "legacyLogin", title: "Begin a session",
				does: call(200, (*API).legacyLogin), flags: writes | lenient, tells: sequence,
				fails: []code{invalidSession, viewBehind}},
			route{method: post, path: "/api/users/logout", id: "legacyLogout", title: "End all sessions",
				does: call(200, (*API).legacyLogout), flags: writes | lenient, tells: sequence,
				fails: []code{viewBehind}},
			route{method: get, path: "/api/users/admin/users/online", id: "legacyOnline", title: "List who is online",
				does: call(200, (*API).legacyOnline), flags: lenient, tells: sequence,
				fails: []code{notAllowed}},
			route{method: get, path: "/api/users/admin/users/{user}/online-status", id: "legacyGet", title: "Show a user",
				does: call(200, (*API).legacyOne), flags: lenient, tells: sequence,
				fails: []code{notAllowed}},
			route{method: post, path: "/api/users/admin/users/{user}/set-online-status", id: "legacySet", title: "Set a user's status for a while",
				does: setsLegacy(), flags: writes | lenient, tells: sequence,
				fails: []code{notAllowed, invalidStatus, invalidUntil, viewBehind}},
		),
		group("Around it",
			route{method: get, path: "/livez", id: "livez", title: "Say that the process runs",
				does: texts((*API).live, 200), flags: open | lenient, fails: []code{methodNotAllowed}},
			route{method: get, path: "/readyz", id: "readyz", title: "Say whether the node should get requests; with ?verbose, why",
				does: texts((*API).ready, 200, 503), flags: open | lenient, fails: []code{methodNotAllowed}},
			route{method: get, path: "/metrics", does: endpoint{serve: (*API).metricsPage}, flags: open | lenient, cost: 8},
			route{method: get, path: "/openapi.json", does: endpoint{serve: (*API).openapi}, flags: open | lenient, cost: 2},
			route{method: get, path: "/admin", does: endpoint{serve: (*API).admin}, flags: open | lenient},
			route{method: get, path: "/admin/assets/{file}", does: endpoint{serve: (*API).adminAsset}, flags: open | lenient, cost: 2},
			route{method: get, path: "/docs", does: endpoint{serve: (*API).docs}, flags: open | lenient},
			route{method: get, path: "/docs/{file}", does: endpoint{serve: (*API).docs}, flags: open | lenient, cost: 8},
		),
	)
}

// empty is a success of status that carries nothing.
func empty(status int) map[int]contents { return map[int]contents{status: nil} }

// texts is an endpoint that answers with plain text.
func texts(serve func(*API, request) (int, error), statuses ...int) endpoint {
	e := endpoint{serve: serve, answers: map[int]contents{}}
	for _, s := range statuses {
		e.answers[s] = carry[string]("text/plain")
	}
	return e
}

func group(name string, all ...route) []route {
	for i := range all {
		all[i].group = name
	}
	return all
}
