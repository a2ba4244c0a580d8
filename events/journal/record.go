package journal

import (
	"fmt"
	"strconv"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/rollcall-dev/rollcall/events"
)

// Record is one entry of the log as a reader of the past gets it, from whichever
// stream.
type Record struct {
	Place events.Place
	Time  events.Millis // the broker's timestamp of its commit
	Event events.Event  // with its ID, but for heartbeats; as far as it can be read where Err is set
	Err   error         // it cannot be read: wraps events.ErrMalformed, ErrUnknownType or ErrNewerVersion
	Data  []byte        // its JSON as the archive has it; of one that cannot be read its bytes
	Whole bool          // it is no entry but a message that is no commit
}

// Moment is where in the log, and when, the record is.
func (r *Record) Moment() events.Moment {
	return events.Moment{Seq: r.Place.Seq, Nth: r.Place.Nth, Time: r.Time}
}

// readRecord takes a message of the archive apart.
func readRecord(m jetstream.Msg) (Record, error) {
	r, err := originOf(m.Headers())
	if err != nil {
		return r, err
	}
	r.Data = m.Data()
	h := m.Headers()
	switch {
	case h.Get(events.OriginWholeHeader) != "":
		r.Whole = true
		r.Err = fmt.Errorf("%w: not a commit", events.ErrMalformed)
	case h.Get(events.OriginAtHeader) != "":
		at, err := strconv.ParseInt(h.Get(events.OriginAtHeader), 10, 64)
		if err != nil {
			return r, fmt.Errorf("%w: an archived entry with %s %.40q", events.ErrMalformed, events.OriginAtHeader, h.Get(events.OriginAtHeader))
		}
		// A version that knows it may read it.
		if r.Event, r.Err = events.DecodeEntry(r.Data, events.Millis(at)); r.Err == nil {
			r.Event.ID = events.IDAt(r.Moment())
			r.Data, r.Err = events.Encode(&r.Event)
		}
	default:
		if r.Event, r.Err = events.Decode(r.Data); r.Err == nil && events.SubjectOf(&r.Event) != m.Subject() {
			r.Err = fmt.Errorf("%w: it is on the subject of another", events.ErrMalformed)
		}
	}
	return r, nil
}

// originOf reads where an archived message was in the hot stream.
func originOf(h nats.Header) (r Record, err error) {
	number := func(name string, bits int) uint64 {
		text := h.Get(name)
		if text == "" && name == events.OriginNthHeader {
			return 0
		}
		n, failed := strconv.ParseUint(text, 10, bits)
		if failed != nil && err == nil {
			err = fmt.Errorf("%w: an archived message with %s %.40q", events.ErrMalformed, name, text)
		}
		return n
	}
	r.Place = events.Place{Seq: number(events.OriginSeqHeader, 64), Nth: uint32(number(events.OriginNthHeader, 32))}
	r.Time = events.Millis(number(events.OriginTimeHeader, 63))
	return r, err
}

// archived returns e, an entry of commit c at m, as a message of the archive.
func archived(c *events.Commit, e *events.Entry, m events.Moment) (*nats.Msg, events.Event, events.Key, error) {
	ev, key, err := e.Event()
	var msg *nats.Msg
	if err == nil && ev.Type != events.Heartbeat {
		ev.ID = events.IDAt(m)
		msg = nats.NewMsg(events.SubjectOf(&ev))
		if msg.Data, err = events.Encode(&ev); err != nil {
			return nil, ev, key, err
		}
	}
	if err != nil {
		msg = nats.NewMsg(events.UnreadableSubject(ev.User))
		msg.Data = e.Raw()
		msg.Header.Set(events.OriginAtHeader, strconv.FormatInt(int64(c.At), 10))
	}
	if msg != nil {
		originate(msg, m)
	}
	return msg, ev, key, nil
}

// originate writes down where the event of msg was in the hot stream.
func originate(msg *nats.Msg, m events.Moment) {
	msg.Header[events.OriginSeqHeader] = []string{strconv.FormatUint(m.Seq, 10)}
	if m.Nth != 0 {
		msg.Header[events.OriginNthHeader] = []string{strconv.FormatUint(uint64(m.Nth), 10)}
	}
	msg.Header[events.OriginTimeHeader] = []string{strconv.FormatInt(int64(m.Time), 10)}
}
