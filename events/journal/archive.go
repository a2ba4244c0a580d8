package journal

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/rollcall-dev/rollcall/events"
)

const (
	// archiveInFlight is how many messages are on their way to the archive at once.
	archiveInFlight = 2000
	// standBy is how long an archiver leaves the field to a faster one before it
	// looks whether that still works.
	standBy = time.Second
	// lead is how long, in covered time, before the place at which it goes on an
	// archiver begins to read, for the keys of that time.
	lead = events.Millis(events.KeyWindow / time.Millisecond)
)

// Errors that end a pass of the archiver.
var (
	// errFaster: another archiver has written to the archive.
	errFaster = errors.New("another archiver was faster")
	// ErrAhead: the archive has events of which the hot stream knows nothing: one
	// of the two was restored, or has lost its end.
	ErrAhead = errors.New("the archive is ahead of the log")
)

// Archiver copies every event but heartbeats out of the hot stream into the
// archive, each with the place and time that it had there. A repeat under a
// known key is left out. It goes on exactly after the last one that arrived,
// and any number of archivers do no harm: each message is accepted only if the
// archive still ends where its writer believes.
type Archiver struct {
	j    *Journal
	js   jetstream.JetStream
	gate func() bool                  // reports whether this archiver should work
	last atomic.Pointer[events.Place] // of the last event that is known to be in the archive
}

// Archiver returns an archiver of j that works while gate says so; nil: always.
// It starts nothing; see Run.
func (j *Journal) Archiver(gate func() bool) (*Archiver, error) {
	js, err := j.cfg.open(j.nc, jetstream.WithPublishAsyncMaxPending(2*archiveInFlight))
	if err != nil {
		return nil, fmt.Errorf("opening JetStream: %w", asOurs(err))
	}
	if gate == nil {
		gate = func() bool { return true }
	}
	return &Archiver{j: j, js: js, gate: gate}, nil
}

// end is the place of the last event that is known to be in the archive, the
// zero Place before the archiver has looked.
func (a *Archiver) end() events.Place {
	if p := a.last.Load(); p != nil {
		return *p
	}
	return events.Place{}
}

// Copied is the hot sequence up to which the archive is complete, as far as this
// archiver knows; 0 before it has looked.
func (a *Archiver) Copied() uint64 { return a.j.copied.Load() }

// Run archives until ctx ends, and then returns nil. It returns an error, to be
// run again, when the log fails; ErrAhead will not pass by itself.
func (a *Archiver) Run(ctx context.Context) error {
	for {
		var err error
		if a.gate() {
			err = a.pass(ctx)
			a.j.archives.Store(false)
		}
		switch {
		case ctx.Err() != nil:
			return nil //nolint:nilerr // whoever ended it wants no reason
		case err != nil && !errors.Is(err, errFaster):
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(standBy / 4):
		}
	}
}

// errGate ends a pass because another node archives now.
var errGate = errors.New("another node archives")

// pass archives from where the archive ends, for as long as the gate is open.
func (a *Archiver) pass(ctx context.Context) error {
	end, own, err := a.j.archiveEnd(ctx)
	if err != nil {
		return err
	}
	first, last, err := a.j.Bounds(ctx)
	switch {
	case err != nil:
		return err
	case end.Place.Seq > last:
		return aheadError(end.Place.Seq, last)
	case end.Place.Seq > 0 && first > end.Place.Seq+1:
		a.j.log.Error("the log was trimmed before it was archived; what it lost is not in the archive", "archived", end.Place.Seq, "first", first)
	}
	a.last.Store(&end.Place)
	a.j.copied.Store(max(a.j.archivedUpTo(ctx), end.Place.Seq, 1) - 1)
	a.j.archives.Store(true)
	p := &archiving{a: a, after: end.Place, own: own, repeats: newRepeats()}
	// What is archived need not be read again, but for the keys of the last two
	// minutes of it.
	from := max(first, a.j.copied.Load())
	if m, err := a.j.Message(ctx, from); err == nil {
		if from, err = a.j.keysLead(ctx, first, &m); err != nil {
			return err
		}
	}
	err = a.j.Follow(ctx, from, p.take)
	if errors.Is(err, errGate) {
		return nil
	}
	return err
}

// archiveEnd returns the place and time of the last record in the archive, and
// the archive's own last sequence.
func (j *Journal) archiveEnd(ctx context.Context) (end Record, own uint64, err error) {
	info, err := j.archive.Info(ctx)
	if err != nil {
		return end, 0, fmt.Errorf("looking for the end of the archive: %w", asOurs(err))
	}
	last, err := j.archive.GetLastMsgForSubject(ctx, ">")
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return end, info.State.LastSeq, nil
	}
	if err != nil {
		return end, 0, fmt.Errorf("looking for the end of the archive: %w", asOurs(err))
	}
	end, err = originOf(last.Header)
	return end, max(info.State.LastSeq, last.Sequence), err
}

// archiving is a pass under way.
type archiving struct {
	a       *Archiver
	after   events.Place // the last place that the archive had when it began
	own     uint64       // the archive's last sequence, with what is in flight
	sent    events.Place // of the last event that was given to the archive
	clock   events.Clock
	keys    events.Keys
	repeats repeats
	commit  events.Commit
	flying  []jetstream.PubAckFuture // in order, the oldest first
}

// take archives what belongs there of batch, and waits until it is there.
func (p *archiving) take(batch []Message) error {
	if !p.a.gate() {
		return errGate
	}
	if p.a.j.cfg.Durable != nil {
		// Else the archive could survive a power cut that the original does not.
		if err := p.a.j.cfg.Durable(); err != nil {
			return fmt.Errorf("putting the log on disk before it is archived: %w", err)
		}
	}
	for i := range batch {
		if err := p.message(&batch[i]); err != nil {
			return err
		}
	}
	if err := p.land(0); err != nil {
		return err
	}
	last := &batch[len(batch)-1]
	p.a.j.copied.Store(last.Seq)
	if p.sent != (events.Place{}) {
		sent := p.sent
		p.a.last.Store(&sent)
	}
	return nil
}

func (p *archiving) message(m *Message) error {
	at := events.Moment{Seq: m.Seq, Time: m.Time, Covered: p.clock.Advance(m.Time)}
	if err := p.commit.Decode(m.Data); err != nil {
		return p.whole(m, at)
	}
	for i := range p.commit.Entries {
		e := &p.commit.Entries[i]
		if e.Plain() {
			continue
		}
		at.Nth = uint32(i)
		if err := p.entry(e, at); err != nil {
			return err
		}
	}
	return nil
}

func (p *archiving) entry(e *events.Entry, at events.Moment) error {
	msg, ev, key, err := archived(&p.commit, e, at)
	if err != nil {
		return err
	}
	if key.Given() {
		if _, void := p.keys.Judge(key, at); void {
			return nil
		}
	}
	if p.repeats.known(&ev, at.Covered) || msg == nil || !p.after.Before(at.Place()) {
		return nil
	}
	return p.send(msg, at)
}

// whole archives a message that is no commit, so that it stays visible.
func (p *archiving) whole(m *Message, at events.Moment) error {
	if !p.after.Before(at.Place()) {
		return nil
	}
	msg := nats.NewMsg(events.UnreadableSubject(""))
	msg.Data = m.Data
	msg.Header.Set(events.OriginWholeHeader, "1")
	originate(msg, at)
	return p.send(msg, at)
}

// send gives msg to the archive, which takes it only as the next one.
func (p *archiving) send(msg *nats.Msg, at events.Moment) error {
	msg.Header[jetstream.ExpectedLastSeqHeader] = []string{strconv.FormatUint(p.own, 10)}
	f, err := p.a.js.PublishMsgAsync(msg)
	if err != nil {
		return errors.Join(archiveError(err), p.land(0))
	}
	p.own++
	p.sent = at.Place()
	if p.flying = append(p.flying, f); len(p.flying) < archiveInFlight {
		return nil
	}
	return p.land(archiveInFlight / 2)
}

// land waits until no more than n messages are on their way. After the first
// error nothing that follows has been taken.
func (p *archiving) land(n int) error {
	for len(p.flying) > n {
		f := p.flying[0]
		p.flying[0] = nil
		p.flying = p.flying[1:]
		select {
		case <-f.Ok():
		case err := <-f.Err():
			return archiveError(err)
		}
	}
	return nil
}

func archiveError(err error) error {
	if code := apiCode(err); code == codeWrongLastSequence || code == codeWrongLastConstant {
		return errFaster
	}
	return fmt.Errorf("archiving: %w", asOurs(err))
}

// repeats notices what the service itself has written twice, because two
// timeout consumers were at work or an acknowledgement was lost: an end, or a
// witness, of the same session by the same sign of life. To a fold a repeat
// means nothing; in the archive it would be noise.
type repeats struct {
	seeds     [2]maphash.Seed
	now, last map[[2]uint64]struct{}
	turned    int64 // covered time at which now began
}

func newRepeats() repeats {
	return repeats{seeds: [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()}, now: map[[2]uint64]struct{}{}}
}

// known reports whether e repeats what was there within KeyWindow before.
func (r *repeats) known(e *events.Event, covered int64) bool {
	if e.Actor != events.ServiceActor && e.Type != events.Online || e.Type == events.Heartbeat ||
		e.Judged == 0 && e.By == 0 {
		return false
	}
	if covered-r.turned >= events.KeyWindow.Milliseconds() {
		r.last, r.now, r.turned = r.now, map[[2]uint64]struct{}{}, covered
	}
	type identity struct {
		typ           events.Type
		user, session string
		judged        events.Place
		by, voids     events.Place
	}
	id := identity{e.Type, e.User, e.Session, e.JudgedPlace(), e.ByPlace(), e.VoidsPlace()}
	sum := [2]uint64{maphash.Comparable(r.seeds[0], id), maphash.Comparable(r.seeds[1], id)}
	if _, known := r.now[sum]; known {
		return true
	}
	r.now[sum] = struct{}{}
	_, known := r.last[sum]
	return known
}
