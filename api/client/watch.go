package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"slices"
	"time"
)

// WatchOptions says what is watched. The zero value watches everybody.
type WatchOptions struct {
	// Users are those to watch, at most 1000; none: all. An id with a comma cannot be watched by name.
	Users []string
	// After is the ID of a Snapshot or Change seen before, to go on behind it. "": begin with a snapshot.
	After string
	// Connected is called when the node has begun to send, before anything is handed over. Nil: nobody is told.
	Connected func()
	// Lost is called when a connection has ended, or none was made, with the time until the next try. Nil: nobody is
	// told. It must return soon.
	Lost func(err error, wait time.Duration)
}

// Update is what Watch hands over: a Snapshot, a Change or a Reset.
type Update interface{ update() }

// Snapshot is how everything stood when watching began: all users who were not offline, or those named, as far as the
// log has named them.
type Snapshot struct {
	ID    string     `json:"id"`
	Users []Presence `json:"users"`
}

// Change is a change of a user's status. One event may make several, such as a batch of heartbeats. Where the node gives
// those no IDs of their own, which it does when it brings up what was missed, all but the last have the ID before them:
// who goes on there gets them again, and loses none.
type Change struct {
	ID       string    `json:"id"`
	User     string    `json:"user"`
	Status   Status    `json:"status"`
	Observed Status    `json:"observed"`
	Since    time.Time `json:"since"`           // when Status took its value
	LastSeen time.Time `json:"last_seen"`       // the user's own last activity; zero: never
	From     Status    `json:"from"`            // the status before
	Cause    string    `json:"cause"`           // as in Interval
	Actor    string    `json:"actor,omitempty"` // for those who may see it
	Seq      uint64    `json:"seq"`             // the event that changed it
}

// Reset says that changes were missed which the node does not have any more. What is known is void; a Snapshot follows.
type Reset struct{}

func (Snapshot) update() {}
func (Change) update()   {}
func (Reset) update()    {}

// Watch yields a Snapshot and then every Change, without a gap and without a repeat. It connects again by itself, with
// growing pauses, for as long as ctx lasts, and goes on where it was. An error ends it: a Problem that another try would
// not mend (a token that is refused or has expired, above all, where Config.TokenSource has no other), ErrUser or
// ErrAnswer. The end of ctx ends it without one. Each range over it watches anew, from After on.
func (c *Client) Watch(ctx context.Context, o WatchOptions) iter.Seq2[Update, error] {
	return func(yield func(Update, error) bool) {
		if slices.Contains(o.Users, "") {
			yield(nil, ErrUser) // the node would take it for everybody
			return
		}
		w := watching{c: c, o: o, yield: yield, place: o.After}
		for {
			err := w.connection(ctx)
			switch {
			case w.left || ctx.Err() != nil:
				return
			case !mendable(err) && !w.renewed(ctx, err):
				yield(nil, err)
				return
			}
			wait := w.pause.next(err)
			if o.Lost != nil {
				o.Lost(err, wait)
			}
			if !waitFor(ctx, wait) {
				return
			}
		}
	}
}

// mendable says whether another try may succeed after err.
func mendable(err error) bool {
	var p *Problem
	if !errors.As(err, &p) {
		return !errors.Is(err, ErrAnswer)
	}
	switch p.Status {
	case http.StatusUnauthorized, http.StatusForbidden:
		return false
	case http.StatusRequestTimeout, http.StatusTooManyRequests:
		return true
	}
	// Without a code it is not the node that refuses. A redirect is where it is not: see Config.HTTPClient.
	return p.Status >= 500 || p.Status >= 400 && p.Code == ""
}

// renewed says whether the node refused a token that is no longer the one to ask with, or may not be: a source that fails
// is asked again with the next connection.
func (w *watching) renewed(ctx context.Context, err error) bool {
	var p *Problem
	if !errors.As(err, &p) || p.Status != http.StatusUnauthorized {
		return false
	}
	req, err := w.c.request(ctx, http.MethodGet, "/v1/stream", nil)
	return err != nil || req.Header.Get("Authorization") != w.token
}

// watching is one run of Watch.
type watching struct {
	c     *Client
	o     WatchOptions
	yield func(Update, error) bool
	left  bool // who watches wants no more
	pause pause
	place string // of the last update handed over, for Last-Event-ID
	token string // of the last connection, with its scheme

	// What came without an id is kept until one comes: cut off before that, the node would send it once more.
	users   []Presence
	changes []Change
}

// take hands over what a message completes. It returns an ErrAnswer for one that cannot be read.
func (w *watching) take(m sseMessage) error {
	switch m.event {
	case "snapshot":
		var part Snapshot
		if err := unpack(m, &part); err != nil {
			return err
		}
		w.users = append(w.users, part.Users...)
		if m.id != "" || len(part.Users) == 0 { // the snapshot of an empty log has no id: nothing stands before it
			w.hand(m.id, Snapshot{ID: m.id, Users: w.users})
			w.users = nil
		}
	case "status":
		var change Change
		if err := unpack(m, &change); err != nil {
			return err
		}
		w.changes = append(w.changes, change)
		if m.id != "" {
			w.handChanges(m.id)
		}
	case "reset":
		w.hand("", Reset{}) // cut off before the snapshot, it begins with one
	}
	return nil // others are of a newer contract
}

func unpack(m sseMessage, into any) error {
	if err := json.Unmarshal([]byte(m.data), into); err != nil {
		return fmt.Errorf("%w: %s on the live stream: %w", ErrAnswer, m.event, err)
	}
	return nil
}

// handChanges hands over those that stand at one place. Nobody is there before the last one.
func (w *watching) handChanges(id string) {
	before, last := w.place, len(w.changes)-1
	for n, change := range w.changes {
		if change.ID = before; n == last {
			change.ID = id
		}
		w.hand(change.ID, change)
	}
	w.changes = w.changes[:0]
}

func (w *watching) hand(id string, u Update) {
	if w.left {
		return
	}
	w.place = id
	w.left = !w.yield(u, nil)
}

// query names the users to watch.
func (w *watching) query() map[string][]string {
	if len(w.o.Users) == 0 {
		return nil
	}
	return map[string][]string{"users": w.o.Users}
}
