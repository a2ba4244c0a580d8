// Package events is the language of Rollcall: what can happen to a user, how
// it is written down, and what it means.
//
// Everything here is pure, but for Mono, which nothing here calls: there is no
// I/O and no import of another package of ours; time and place in the log come
// in as arguments. Views, timeouts, replay and the API all speak it:
//
//	event.go    what can happen, and what each event carries
//	subject.go  the names of streams and subjects, and how an id becomes a token
//	codec.go    JSON events and protobuf heartbeat batches, to bytes and back
//	state.go    what is known about one user
//	apply.go    the rules: Apply(state, event), and nothing else, knows what an event means
//	clock.go    covered time, the clock that only the log drives
//
// # A user's life
//
//	           login, heartbeat
//	offline ──────────────────────► online ◄──────► away
//	   ▲                              │    heartbeat   │
//	   └──────────────────────────────┴────────────────┘
//	      logout · offline (unless a beat came first)
//
// An override lies over that and hides it until it is cleared or expires.
package events
