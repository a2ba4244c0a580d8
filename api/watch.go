package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/rollcall-dev/rollcall/api/auth"
	"github.com/rollcall-dev/rollcall/events"
	"github.com/rollcall-dev/rollcall/events/journal"
	"github.com/rollcall-dev/rollcall/projections/history"
	"github.com/rollcall-dev/rollcall/projections/live"
)

const (
	typeEvents = "text/event-stream"
	// snapshotMost is how many users one snapshot message holds.
	snapshotMost = 500
	// watchMost is how many users a stream may name.
	watchMost = 1000
	// watchPing lies between two comments.
	watchPing     = 15 * time.Second
	watchPingText = ": still here\n\n"
	// watchPatience is how long a client may take to read what was sent.
	watchPatience = 10 * time.Second
)

// statusEvent is a change of status on the live stream.
type statusEvent struct {
	User     string        `json:"user"`
	Status   events.Status `json:"status"`
	Observed events.Status `json:"observed"`
	Since    moment        `json:"since"`
	LastSeen moment        `json:"last_seen"`
	From     events.Status `json:"from"`
	Cause    events.Cause  `json:"cause"`
	Actor    string        `json:"actor,omitempty"`
	Seq      uint64        `json:"seq"`
}

// watchedBlock is a block of changes as it goes over the wire, for those who may see
// the actor and for the others.
type watchedBlock struct{ private, public wire }

// wire is messages in a row, framed as one HTTP chunk.
type wire struct {
	chunk []byte
	ends  []int // where in chunk each message ends
	begin int   // where the first begins
}

// from is the messages from the nth on, without the frame.
func (w *wire) from(n int) []byte {
	return w.chunk[w.start(n):w.ends[len(w.ends)-1]]
}

// at is the nth message.
func (w *wire) at(n int) []byte { return w.chunk[w.start(n):w.ends[n]] }

func (w *wire) start(n int) int {
	if n == 0 {
		return w.begin
	}
	return w.ends[n-1]
}

// EncodeChanges makes of changes what the live stream sends: the hub that is
// given as Config.Live must be made with it.
func EncodeChanges(entries []live.Entry) any {
	var private, public framer
	secret := false
	for i := range entries {
		e := &entries[i]
		s := statusEvent{User: e.User, Status: e.To.Status, Observed: e.Observed, Since: moment(e.To.Since), LastSeen: moment(e.LastSeen),
			From: e.From.Status, Cause: e.To.Cause, Actor: e.To.Actor, Seq: e.To.Seq}
		text := message("status", &e.Place, s)
		private.add(text)
		if s.Actor != "" {
			secret = true
			s.Actor = ""
			text = message("status", &e.Place, s)
		}
		public.add(text)
	}
	if !secret {
		both := public.frame()
		return &watchedBlock{private: both, public: both}
	}
	return &watchedBlock{private: private.frame(), public: public.frame()}
}

// message is one message of the stream. Without a place it has no id.
func message(event string, at *live.Place, data any) []byte {
	body, err := json.Marshal(data)
	if err != nil {
		body = []byte("{}") // only types of this package come here, and they can be encoded
	}
	b := []byte("event: " + event + "\n")
	if at != nil {
		b = append(b, "id: "+placeText(*at)+"\n"...)
	}
	b = append(b, "data: "...)
	b = append(b, body...)
	return append(b, "\n\n"...)
}

// placeText is the id of a message: the sequence that it stands at, and, where
// further changes of the same event follow, which of them it is.
func placeText(p live.Place) string {
	s := strconv.FormatUint(p.Seq, 10)
	if p.Nth != 0 {
		s += "." + strconv.Itoa(p.Nth)
	}
	return s
}

// placeOf reads the id that a client saw last.
func placeOf(id string) (p live.Place, ok bool) {
	seq, nth, more := strings.Cut(id, ".")
	var err, err2 error
	p.Seq, err = strconv.ParseUint(seq, 10, 64)
	if more {
		p.Nth, err2 = strconv.Atoi(nth)
	}
	return p, err == nil && err2 == nil && p.Nth >= 0
}

// watch streams changes of status until the client goes, its token ends or the
// node stops.
func (a *API) watch(q request) (int, error) {
	if a.cfg.Live == nil {
		return 0, fault(notFound, "This node has no live stream.")
	}
	users, err := q.watched()
	if err != nil {
		return 0, err
	}
	if err := a.settle(q); err != nil {
		return 0, err
	}
	if q.r.Method == http.MethodHead {
		h := q.w.Header()
		h["Content-Type"] = []string{typeEvents}
		secure(h)
		h["Cache-Control"] = noTransformHeader
		q.w.WriteHeader(http.StatusOK)
		return http.StatusOK, nil
	}
	done, err := a.oneMoreStream(q)
	if err != nil {
		return 0, err
	}
	kept := false // by an outlet
	defer func() {
		if !kept {
			done()
		}
	}()
	ends := q.who.StreamEnds(q.at.Time())
	ctx, cancel := context.WithDeadline(q.r.Context(), ends)
	defer cancel()
	defer context.AfterFunc(a.staying, cancel)()
	w := &watcher{a: a, q: q, users: users, control: http.NewResponseController(q.w), private: auth.Allow(q.who, auth.ActReadPrivate, "")}
	reader, err := w.begin(ctx)
	if errors.Is(err, errOver) {
		return http.StatusOK, nil // half of the answer is out; there is nobody to tell
	}
	if err != nil {
		return 0, err
	}
	if conn := w.takeOver(); conn != nil {
		kept = true
		a.cfg.Live.Serve(reader, newOutlet(conn, reader, w.private, done), ends)
		return http.StatusOK, nil
	}
	defer reader.Close()
	w.follow(ctx, reader)
	return http.StatusOK, nil
}

// oneMoreStream counts a live stream of the caller's, and returns how to end it.
func (a *API) oneMoreStream(q request) (done func(), err error) {
	if done = a.watching.take(q.who.User, a.cfg.MaxStreams); done == nil {
		f := fault(rateLimited, fmt.Sprintf("This user has %d live streams open: close one.", a.cfg.MaxStreams))
		f.retry = 5
		return nil, f
	}
	return done, nil
}

// watched returns the users that a stream is about, nil for all, if the caller
// may watch them.
func (q request) watched() ([]string, error) {
	users, err := idsOf(q.r.URL.RawQuery, "users")
	if err != nil {
		return nil, err
	}
	if users == nil {
		return nil, q.may(auth.ActRead, "")
	}
	if len(users) > watchMost {
		return nil, fault(invalidParameter, fmt.Sprintf("A stream names at most %d users.", watchMost))
	}
	for _, u := range users {
		if err := q.may(auth.ActRead, u); err != nil && (u != q.who.User || !auth.Allow(q.who, auth.ActReadSelf, u)) {
			return nil, err
		}
	}
	return users, nil
}

// watcher is one reader's end of the stream.
type watcher struct {
	a       *API
	q       request
	users   []string
	control *http.ResponseController
	private bool
}

// errOver means that the stream has ended while it began: the client has gone or
// does not read, its token has ended, or the node stops.
var errOver = errors.New("the stream is over")

// begin sends the head of the answer and everything up to the place at which the
// reader stands: the missed changes, or a snapshot. With another error than
// errOver it has written nothing.
func (w *watcher) begin(ctx context.Context) (*live.Reader, error) {
	h := w.q.w.Header()
	h["Content-Type"] = []string{typeEvents}
	h["X-Accel-Buffering"] = []string{"no"}
	if w.q.r.ProtoMajor == 1 {
		h["Connection"] = []string{"close"} // with the stream: net/http will not have it again; to HTTP/2 this would mean all its streams
	}
	secure(h)
	h["Cache-Control"] = noTransformHeader
	// A server's deadline for reading requests would end the context, and with it the stream.
	_ = w.control.SetReadDeadline(time.Time{})
	head := "retry: 2000\n" // no message: it goes with the first
	if id := w.q.r.Header.Get("Last-Event-Id"); id != "" {
		reader, missed, err := w.resume(ctx, id)
		if err != nil {
			return nil, err
		}
		if reader != nil {
			return reader, w.closing(reader, w.send(append([]byte(head), missed...)))
		}
		head += "event: reset\ndata: {}\n\n"
	}
	reader, heaps, err := w.present()
	if err != nil {
		return nil, err
	}
	size := 0
	for _, heap := range heaps {
		size += len(heap)
	}
	// All of it is held until it is read.
	late := time.Now().Add(answerTime + time.Duration(size)*time.Second/answerRate)
	for n, heap := range heaps {
		if n == 0 {
			heap = append([]byte(head), heap...)
		} else if ctx.Err() != nil || time.Now().After(late) {
			return nil, w.closing(reader, errOver)
		}
		if err := w.send(heap); err != nil {
			return nil, w.closing(reader, err)
		}
	}
	return reader, nil
}

// present returns a reader and the snapshot that goes before it.
func (w *watcher) present() (*live.Reader, [][]byte, error) {
	if w.users == nil {
		return w.everybody()
	}
	reader, users, err := w.a.cfg.Live.Start(w.users)
	if err != nil {
		return nil, nil, err
	}
	return reader, heapsOf(users, w.q.who, reader.Seq()), nil
}

// resume returns a reader that goes on behind id, and what lies between; nil
// where that is no longer known, or never was.
func (w *watcher) resume(ctx context.Context, id string) (*live.Reader, []byte, error) {
	p, ok := placeOf(id)
	if !ok {
		return nil, nil, nil
	}
	if err := w.arrive(ctx, p); err != nil {
		return nil, nil, err
	}
	if reader, err := w.a.cfg.Live.Resume(p, w.users); err == nil {
		return reader, nil, nil
	}
	return w.missed(ctx, p)
}

// closing closes the reader if err says that nobody else will.
func (w *watcher) closing(reader *live.Reader, err error) error {
	if err != nil {
		reader.Close()
	}
	return err
}

// arrive waits for the view where another node, whose view was further, has shown
// p: a snapshot from here would lead back in time.
func (w *watcher) arrive(ctx context.Context, p live.Place) error {
	if p.Seq <= w.a.cfg.View.Seq() {
		return nil
	}
	_, err := w.a.cfg.Log.Message(ctx, p.Seq)
	if errors.Is(err, journal.ErrGone) {
		return nil // or never was
	}
	if err != nil {
		return err
	}
	return w.a.reach(ctx, p.Seq)
}

// missed returns the changes after p out of the history, and a reader that goes
// on behind them; nil where they are no longer all there. The history holds
// nothing of a user who was erased since, so whether he is still shown it cannot
// tell.
func (w *watcher) missed(ctx context.Context, p live.Place) (*live.Reader, []byte, error) {
	if w.a.cfg.History == nil || p.Nth != 0 || p.Seq == 0 || p.Seq > w.a.cfg.View.Seq() {
		return nil, nil, nil
	}
	w.a.charge(w.q.who, costHeavy)
	done, err := w.a.heavy(w.q) //nolint:contextcheck // the request of q has the context
	if err != nil {
		return nil, nil, err
	}
	defer done()
	m, err := w.a.cfg.Log.Message(ctx, p.Seq)
	if err != nil {
		return nil, nil, nil // what was there then is no longer known
	}
	reader, _, err := w.a.cfg.Live.Start([]string{})
	if err != nil {
		return nil, nil, err
	}
	reader.Watch(w.users)
	erased, err := w.a.cfg.Log.LastErasure(ctx)
	if err != nil || erased > p.Seq {
		reader.Close()
		return nil, nil, err
	}
	began, complete, err := w.a.cfg.History.Since(p.Seq, m.Time-10_000, reader.Wants)
	if err != nil || !complete {
		reader.Close()
		return nil, nil, err
	}
	return reader, w.history(began, reader), nil
}

// history encodes the intervals that began up to where the reader stands.
func (w *watcher) history(began []history.Interval, reader *live.Reader) (text []byte) {
	for n := range began {
		i := &began[n]
		if i.Seq > reader.Seq() {
			continue
		}
		s := statusEvent{User: i.User, Status: i.Status, Observed: i.Observed, Since: moment(i.From), LastSeen: moment(i.Seen()),
			From: i.Before, Cause: i.Cause, Seq: i.Seq}
		if w.private {
			s.Actor = i.Actor
		}
		at := &live.Place{Seq: i.Seq}
		if n+1 < len(began) && began[n+1].Seq == i.Seq {
			at = nil // the id comes with the last one of the event
		}
		text = append(text, message("status", at, s)...)
	}
	return text
}

// takeOver takes the connection from net/http where that sends the answer in
// chunks of HTTP/1.1 and nobody in between changes them, so that many readers
// can be served together. It returns nil where the connection must stay with
// net/http: HTTP/2, TLS (which cannot be written to, or closed, without waiting),
// a compressing middleware, a test's recorder, a client that sends a body.
func (w *watcher) takeOver() net.Conn {
	r := w.q.r
	if r.ProtoMajor != 1 || r.ProtoMinor < 1 || r.TLS != nil || r.ContentLength != 0 || w.q.w.Header().Get("Content-Encoding") != "" {
		return nil
	}
	conn, _, err := w.control.Hijack() // what was sent has been flushed
	if err != nil {
		return nil
	}
	return conn
}

// follow sends changes until ctx ends or the client does not read them.
func (w *watcher) follow(ctx context.Context, reader *live.Reader) {
	var text []byte
	ping := time.Now().Add(watchPing)
	for {
		if text = text[:0]; !time.Now().Before(ping) {
			text = append(text, watchPingText...)
			ping = time.Now().Add(watchPing)
		}
		if len(text) == 0 {
			waiting, cancel := context.WithDeadline(ctx, ping)
			piece, err := reader.Next(waiting)
			cancel()
			if ctx.Err() != nil || errors.Is(err, live.ErrSlow) {
				return
			}
			if err != nil {
				continue // it is time to say something
			}
			if text = appendWanted(text, piece, reader, w.private); len(text) == 0 {
				continue
			}
		}
		if w.send(text) != nil {
			return
		}
	}
}

// send writes text and makes it go out, within watchPatience, or returns errOver;
// another error says that this server's writer cannot stream.
func (w *watcher) send(text []byte) error {
	_ = w.control.SetWriteDeadline(time.Now().Add(watchPatience))
	if _, err := w.q.w.Write(text); err != nil {
		return errOver
	}
	if err := w.control.Flush(); errors.Is(err, http.ErrNotSupported) {
		return fmt.Errorf("sending to a watcher: %w", err)
	} else if err != nil {
		return errOver
	}
	// HTTP/2 resets a stream whose deadline passes, whether anything is written then or not.
	_ = w.control.SetWriteDeadline(time.Time{})
	return nil
}
