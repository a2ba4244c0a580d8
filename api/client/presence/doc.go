// Package presence makes the requests that a Go program serves count as heartbeats: who uses the program is online,
// whether or not their browser beats by itself.
//
//	beats, err := presence.New(c, presence.Options{User: userOf}) // c has the token of a service
//	go beats.Run(ctx)                                             // sends
//	mux.Handle("/", signedIn(beats.Touch(pages)))                 // counts
//	beats.SignOut(ctx, user)                                      // in the handler that signs out
//
//	presence.go  New, Touch, Seen: what a request costs
//	recent.go    who has been seen within the last while
//	signout.go   SignOut, SignIn: what is no heartbeat any more
//	send.go      Run: batches, failures, the end
package presence
