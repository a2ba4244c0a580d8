package api

import (
	"net/http"
	"slices"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/cors"
)

// route is one call of the contract.
type route struct {
	method, path string
	does         endpoint
	flags        flags
	query        []string // parameters that it knows
	title        string
	fails        []code // beyond those that follow from the rest
	group        string
}

type flags uint8

const (
	open    flags = 1 << iota // needs no token
	writes                    // limited in rate, and refused by a node that is shutting down
	keyed                     // takes an Idempotency-Key
	lenient                   // takes any query parameter
	hidden                    // no part of the contract for programs: not in the document
)

const (
	get    = http.MethodGet
	post   = http.MethodPost
	put    = http.MethodPut
	remove = http.MethodDelete
)

var reading = []string{"min_seq"}

// routes is the table of all calls. Who may what within a call is decided by auth.Allow, in the handler, which knows
// the user that the call is about.
func routes() []route {
	return slices.Concat(
		group("Writing",
			route{method: post, path: "/v1/login", does: call(200, (*API).login), flags: writes | keyed,
				title: "Begin a session", fails: []code{invalidSession, invalidDevice}},
			route{method: post, path: "/v1/heartbeat", does: beating((*API).heartbeat), flags: writes,
				title: "Say that a session is still there", fails: []code{invalidSession, invalidInterval}},
			route{method: post, path: "/v1/logout", does: call(200, (*API).logout), flags: writes | keyed,
				title: "End a session, or all of them", fails: []code{invalidSession}},
			route{method: post, path: "/v1/events", does: eventful((*API).events), flags: writes | keyed,
				title: "Send one event of any user, or a stream of them",
				fails: []code{notAllowed, invalidType, invalidUser, invalidSession, invalidDevice, invalidInterval}},
			route{method: post, path: "/v1/heartbeats", does: batched((*API).heartbeats), flags: writes,
				title: "Send heartbeats of many users"},
			route{method: put, path: "/v1/users/{user}/override", does: call(200, (*API).setOverride), flags: writes | keyed,
				title: "Put a status over the observed one", fails: []code{notAllowed, invalidStatus, invalidUntil, invalidReason, viewBehind}},
			route{method: remove, path: "/v1/users/{user}/override", does: call(200, (*API).clearOverride), flags: writes | keyed,
				title: "Clear an override", fails: []code{notAllowed, noOverride, viewBehind}},
		),
		group("Reading",
			route{method: get, path: "/v1/me", does: call(200, (*API).me), query: reading,
				title: "Show the caller", fails: []code{unknownUser}},
			route{method: get, path: "/v1/users", does: call(200, (*API).list), query: []string{"min_seq", "status", "limit", "cursor"},
				title: "List users by status", fails: []code{notAllowed}},
			route{method: get, path: "/v1/users/{user}", does: call(200, (*API).one), query: reading,
				title: "Show a user", fails: []code{notAllowed, unknownUser}},
			route{method: post, path: "/v1/users/query", does: call(200, (*API).query), query: reading,
				title: "Show many users", fails: []code{notAllowed, invalidUser, tooManyUsers}},
			route{method: get, path: "/v1/stats", does: call(200, (*API).stats), query: reading,
				title: "Count", fails: []code{notAllowed}},
		),
		group("Pages",
			route{method: post, path: "/v1/session", does: call(200, (*API).signIn),
				title: "Get the bearer token as a cookie"},
			route{method: remove, path: "/v1/session", does: plain(204, (*API).signOut), flags: open,
				title: "Drop the cookie", fails: []code{notAllowed}},
		),
		group("Legacy",
			route{method: post, path: "/api/users/heartbeat", does: call(200, (*API).legacyHeartbeat), flags: writes | lenient,
				title: "Say that the caller is still there", fails: []code{invalidSession, viewBehind}},
			route{method: post, path: "/api/users/login", does: call(200, (*API).legacyLogin), flags: writes | lenient,
				title: "Begin a session", fails: []code{invalidSession, viewBehind}},
			route{method: post, path: "/api/users/logout", does: call(200, (*API).legacyLogout), flags: writes | lenient,
				title: "End all sessions", fails: []code{viewBehind}},
			route{method: get, path: "/api/users/admin/users/online", does: call(200, (*API).legacyOnline), flags: lenient,
				title: "List who is online", fails: []code{notAllowed}},
			route{method: get, path: "/api/users/admin/users/{user}/online-status", does: call(200, (*API).legacyOne), flags: lenient,
				title: "Show a user", fails: []code{notAllowed}},
			route{method: post, path: "/api/users/admin/users/{user}/set-online-status", does: call(200, (*API).legacySet), flags: writes | lenient,
				title: "Set a user's status for a while", fails: []code{notAllowed, invalidStatus, invalidUntil, viewBehind}},
		),
		group("Around it",
			route{method: get, path: "/livez", does: texts((*API).live), flags: open | lenient, title: "Say that the process runs"},
			route{method: get, path: "/readyz", does: texts((*API).ready), flags: open | lenient, query: []string{"verbose"},
				title: "Say whether the node should get requests"},
			route{method: get, path: "/openapi.json", does: plain(200, (*API).openapi), flags: open | lenient | hidden},
			route{method: get, path: "/docs", does: plain(200, (*API).docs), flags: open | lenient | hidden},
			route{method: get, path: "/docs/{file}", does: plain(200, (*API).docs), flags: open | lenient | hidden},
			route{method: get, path: "/metrics", does: plain(200, (*API).metricsPage), flags: open | lenient | hidden},
		),
	)
}

func group(name string, all ...route) []route {
	for i := range all {
		all[i].group = name
	}
	return all
}

// router puts the routes into chi. GET answers HEAD as well.
func (a *API) router() *chi.Mux {
	mux := chi.NewMux()
	if len(a.cfg.CORSOrigins) > 0 {
		mux.Use(a.cors())
	}
	mux.Use(withoutSlash)
	mux.NotFound(a.notHere)
	mux.MethodNotAllowed(a.wrongMethod)
	for i := range a.routes {
		rt := &a.routes[i]
		h := a.handle(rt)
		mux.Method(rt.method, rt.path, h)
		if rt.method == get {
			mux.Method(http.MethodHead, rt.path, h)
		}
	}
	return mux
}

// cors lets pages of the configured origins call. They bring their token in the header; the cookie stays with the
// service's own pages.
func (a *API) cors() func(http.Handler) http.Handler {
	return cors.Handler(cors.Options{
		AllowedOrigins: a.cfg.CORSOrigins,
		AllowedMethods: []string{get, post, put, remove},
		AllowedHeaders: []string{"Authorization", "Content-Type", "Idempotency-Key", "Rollcall-Session", "Last-Event-ID"},
		ExposedHeaders: []string{"Rollcall-Seq", "Rollcall-Heartbeat", "Rollcall-Timeout", "Retry-After"},
		MaxAge:         600,
	})
}
