package journal_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/rollcall-dev/rollcall/events"
	"github.com/rollcall-dev/rollcall/events/journal"
)

// told is what a reader learns of one record.
type told struct {
	Place  events.Place
	Type   events.Type
	User   string
	Data   string
	Failed bool // it cannot be read
	Whole  bool
}

func tellRecord(r *journal.Record) told {
	return told{r.Place, r.Event.Type, r.Event.User, string(r.Data), r.Err != nil, r.Whole}
}

// keyed is an event under a key.
type keyed struct {
	event events.Event
	key   events.Key
}

// written puts commits of its own making into the log, and knows what they say.
type written struct {
	t       testing.TB
	js      jetstream.JetStream
	hot     jetstream.Stream
	keys    map[[16]byte]bool
	service map[string]bool // what the service itself has written
	records []told          // in the order of the log, heartbeats too
	times   map[uint64]events.Millis
	epoch   byte // random repeats only what it wrote itself in the same one
}

func newWritten(t testing.TB, nc *nats.Conn) *written {
	return &written{t: t, js: streams(t, nc), hot: stream(t, nc, events.StreamHot), keys: map[[16]byte]bool{}, service: map[string]bool{}, times: map[uint64]events.Millis{}}
}

// put publishes entries as one commit: each an events.Event, a keyed, an
// events.Beat, or the bytes of an entry.
func (w *written) put(entries ...any) (seq uint64) {
	w.t.Helper()
	data := events.AppendCommit(nil, 1_700_000_000_000, "test", 0)
	var err error
	for _, entry := range entries {
		switch e := entry.(type) {
		case events.Event:
			e.V = events.Version
			data, err = events.AppendEvent(data, &e, &events.Key{}, 1_700_000_000_000)
		case keyed:
			e.event.V = events.Version
			data, err = events.AppendEvent(data, &e.event, &e.key, 1_700_000_000_000)
		case events.Beat:
			data = events.AppendBeat(data, &e, 1_700_000_000_000)
		case []byte:
			data = protowire.AppendBytes(protowire.AppendTag(data, 1, protowire.BytesType), e)
		}
		if err != nil {
			w.t.Fatal(err)
		}
	}
	at := w.publish(data)
	for i, entry := range entries {
		at.Nth = uint32(i)
		switch e := entry.(type) {
		case events.Event:
			w.note(at, e)
		case keyed:
			if !w.keys[e.key.ID] {
				w.note(at, e.event)
			}
			w.keys[e.key.ID] = true
		case events.Beat:
			w.records = append(w.records, told{Place: at.Place(), Type: events.Heartbeat, User: e.User})
		case []byte:
			known, _ := events.DecodeEntry(e, 1_700_000_000_000)
			w.records = append(w.records, told{Place: at.Place(), Type: known.Type, User: known.User, Data: string(e), Failed: true})
		}
	}
	return at.Seq
}

// garbage publishes what is no commit.
func (w *written) garbage(data []byte) {
	at := w.publish(data)
	w.records = append(w.records, told{Place: at.Place(), Data: string(data), Failed: true, Whole: true})
}

func (w *written) publish(data []byte) events.Moment {
	w.t.Helper()
	ack, err := w.js.Publish(w.t.Context(), events.LogSubject, data)
	if err != nil {
		w.t.Fatal(err)
	}
	m, err := w.hot.GetMsg(w.t.Context(), ack.Sequence)
	if err != nil {
		w.t.Fatal(err)
	}
	w.times[ack.Sequence] = events.MillisOf(m.Time)
	return events.Moment{Seq: ack.Sequence, Time: events.MillisOf(m.Time)}
}

func (w *written) note(at events.Moment, e events.Event) {
	e.V = events.Version
	if e.Type == events.Heartbeat {
		w.records = append(w.records, told{Place: at.Place(), Type: e.Type, User: e.User})
		return
	}
	if e.Judged+e.By != 0 {
		id := fmt.Sprint(e.Type, e.User, e.Session, e.JudgedPlace(), e.ByPlace(), e.VoidsPlace())
		if w.service[id] {
			return
		}
		w.service[id] = true
	}
	e.ID = events.IDAt(at)
	data, err := events.Encode(&e)
	if err != nil {
		w.t.Fatal(err)
	}
	w.records = append(w.records, told{Place: at.Place(), Type: e.Type, User: e.User, Data: string(data)})
}

// archived is what the archive must have.
func (w *written) archived() []told {
	return slices.DeleteFunc(slices.Clone(w.records), func(r told) bool { return r.Type == events.Heartbeat && !r.Failed })
}

// random publishes a commit of anything there can be.
func (w *written) random(rng *rand.Rand) uint64 {
	if rng.IntN(25) == 0 {
		w.garbage([]byte("\x8f\x03 no commit " + fmt.Sprint(rng.IntN(100))))
	}
	var entries []any
	for range rng.IntN(9) { // none: a mark
		user := fmt.Sprint("u.", rng.IntN(6))
		e := nthEvent(0, rng.IntN(6))
		e.User, e.Actor = user, user
		switch rng.IntN(8) {
		case 0, 1:
			entries = append(entries, events.Beat{User: user, At: 1_700_000_000_000})
		case 2:
			entries = append(entries, keyed{login(user), events.Key{ID: [16]byte{1, w.epoch, byte(rng.IntN(5))}}})
		case 3:
			entries = append(entries, events.Event{Type: events.Offline, User: user, Session: "s", Actor: events.ServiceActor, At: 1_700_000_000_000,
				Cause: events.CauseTimeout, Judged: 3*uint64(w.epoch) + 1 + rng.Uint64N(3), JudgedNth: rng.Uint32N(2)})
		case 4:
			entries = append(entries, events.Event{Type: events.Online, User: user, Session: "s", Actor: user, At: 1_700_000_000_000, Since: 1,
				By: 3*uint64(w.epoch) + 1 + rng.Uint64N(3), ByNth: rng.Uint32N(2)})
		case 5:
			if rng.IntN(3) == 0 {
				entries = append(entries, [][]byte{unreadable(user, 77), {0x0a, 0x09, 'x'}}[rng.IntN(2)])
				continue
			}
			fallthrough
		default:
			if e.Type == events.Offline || e.Type == events.Online {
				e.Type = events.Logout
				e.Judged, e.By, e.Since, e.Cause, e.LastSeen = 0, 0, 0, "", 0
			}
			if e.Type == events.Heartbeat {
				e.Type = events.Login
			}
			entries = append(entries, e)
		}
	}
	return w.put(entries...)
}

// unreadable is an entry of user of a type that this version does not know.
func unreadable(user string, typ uint64) []byte {
	b := protowire.AppendString(protowire.AppendTag(nil, 1, protowire.BytesType), user)
	return protowire.AppendVarint(protowire.AppendTag(b, 8, protowire.VarintType), typ)
}
