package loadgen

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"
)

// What is wanted of sessions that fall silent.
const (
	wantedWritten  = 10.0  // s until the online events of first heartbeats are written down
	wantedLate     = 1.5   // s after its deadline at which the last of a storm is seen offline
	wantedPunctual = 250.0 // ms after their deadline at p99, outside a storm
)

// stormSettle bounds how much later than its deadline a session may be seen
// offline before the bench gives up.
const stormSettle = 90 * time.Second

// StormBench lets many sessions expire at once among more that are kept live.
type StormBench struct {
	Place
	// Sessions are live in all. Storm of them have their last beat within one
	// second, Trickle of them, before, spread over a sixth of the timeout.
	Sessions, Storm, Trickle int
	// Timeout is the node's. The others beat every half of it.
	Timeout time.Duration
}

// Run returns ErrConfig before anything is started.
func (b StormBench) Run(ctx context.Context) (Findings, error) {
	if err := positive(named{"--sessions", int64(b.Sessions)}, named{"--storm", int64(b.Storm)}, named{"--trickle", int64(b.Trickle)}); err != nil {
		return Findings{}, err
	}
	if b.Storm+b.Trickle >= b.Sessions {
		return Findings{}, fmt.Errorf("%w: there must be more --sessions than expire", ErrConfig)
	}
	if b.Timeout < time.Second {
		return Findings{}, fmt.Errorf("%w: a --timeout is 1s at least", ErrConfig)
	}
	return b.find(ctx, b.measure)
}

func (b StormBench) measure(ctx context.Context, l launcher, f *Findings) (err error) {
	secret := newSecret()
	node, err := l.startNode(ctx, "node", secret, "--timeout", b.Timeout.String(),
		"--heartbeat", max(b.Timeout/4, time.Second).Truncate(time.Second).String())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, node.stop()) }()
	a, err := newAsker(node.url, secret)
	if err != nil {
		return err
	}
	r := &refresher{asker: a, sessions: b.Sessions, every: b.Timeout / 2}
	running, stop := context.WithCancel(ctx)
	defer stop()
	group, running := errgroup.WithContext(running)
	var out outcome
	group.Go(func() (err error) {
		defer stop()
		out, err = b.expire(running, l, node, secret, a, r, func() { group.Go(func() error { return r.run(running) }) })
		return err
	})
	if err := group.Wait(); err != nil {
		return err
	}
	b.report(f, out, r)
	return nil
}

// outcome is what was seen of a storm.
type outcome struct {
	fill    filling
	sent    []time.Time // user → when the last beat was about to be sent, of those that expire
	window  time.Duration
	seen    []departure
	cpu     time.Duration // of the node, from the storm's first deadline on
	elapsed time.Duration // for that
}

// expire fills the node, lets the sessions fall silent, and watches. began is
// called when the others must be kept live.
func (b StormBench) expire(ctx context.Context, l launcher, node *process, secret []byte, a asker, r *refresher, began func()) (o outcome, err error) {
	if o.fill, err = l.fillLiveWhile(ctx, node, secret, b.Sessions, began); err != nil {
		return outcome{}, err
	}
	silent := b.Storm + b.Trickle
	r.keepFrom(silent)
	at, err := a.standing(ctx)
	if err != nil {
		return outcome{}, err
	}
	watch, err := watchDepartures(ctx, a, at.Seq, silent)
	if err != nil {
		return outcome{}, err
	}
	defer watch.close()
	o.sent = make([]time.Time, silent)
	l.say("last beats of %d sessions over %s, then of %d at once", b.Trickle, b.Timeout/6, b.Storm)
	if err := b.trickle(ctx, a, o.sent); err != nil {
		return outcome{}, err
	}
	first := time.Now()
	for i := range b.Storm {
		o.sent[i] = first
	}
	if err := a.beats(ctx, b.Storm); err != nil {
		return outcome{}, err
	}
	o.window = time.Since(first)
	if !sleep(ctx, time.Until(first.Add(b.Timeout))) {
		return outcome{}, context.Cause(ctx)
	}
	cpu, due := processCPU(node.pid), time.Now()
	l.say("the storm is due")
	err = poll(ctx, "seeing all sessions that fell silent offline", o.window+stormSettle, func() (bool, error) {
		return watch.count() >= silent, watch.failed()
	})
	if ctx.Err() != nil {
		return outcome{}, context.Cause(ctx)
	}
	if err != nil {
		l.say("%v", err) // the report says how many are missing
	}
	o.cpu, o.elapsed = processCPU(node.pid)-cpu, time.Since(due)
	o.seen = watch.close()
	return o, nil
}

// trickle sends the last beats of the users [Storm, Storm+Trickle) a few at a
// time, then leaves a gap before the storm.
func (b StormBench) trickle(ctx context.Context, a asker, sent []time.Time) error {
	const slices = 50
	span := b.Timeout / 6
	began := time.Now()
	for i := range slices {
		from, to := b.Storm+b.Trickle*i/slices, b.Storm+b.Trickle*(i+1)/slices
		if !sleep(ctx, time.Until(began.Add(span*time.Duration(i)/slices))) {
			return context.Cause(ctx)
		}
		if from == to {
			continue
		}
		now := time.Now()
		for u := from; u < to; u++ {
			sent[u] = now
		}
		if err := a.batch(ctx, from, to); err != nil {
			return err
		}
	}
	sleep(ctx, b.Timeout/20)
	return ctx.Err()
}

// report holds what was seen against what was sent.
func (b StormBench) report(f *Findings, o outcome, r *refresher) {
	f.Setup = fmt.Sprintf("%d sessions, %d of which fall silent within %s and %d before, --timeout %s, the others beat every %s",
		b.Sessions, b.Storm, o.window.Round(time.Millisecond), b.Trickle, b.Timeout, b.Timeout/2)
	f.addTime("first heartbeats of all acknowledged after", o.fill.acknowledged)
	f.addTime("their online events written after", o.fill.written)
	late := judge(f, o, b.Storm, b.Timeout)
	f.add("offline in the storm: late, p50", "s", percentile(late.storm, 50))
	f.add("offline in the storm: late, p99", "s", percentile(late.storm, 99))
	last := f.add("offline in the storm: late, the last", "s", percentile(late.storm, 100))
	f.add("offline outside the storm: late, p50", "ms", 1000*percentile(late.before, 50))
	punctual := f.add("offline outside the storm: late, p99", "ms", 1000*percentile(late.before, 99))
	f.add("earliest offline of all, after its deadline", "ms", 1000*late.earliest)
	f.add("node's CPU from the storm's deadline until all were seen", "s", o.cpu.Seconds())
	f.add("node's CPU an offline of the storm", "µs", float64(o.cpu)/1000/float64(b.Storm))
	f.add("longest round of the beats that kept the others live", "s", r.slowest.Seconds())
	f.Rows = []Row{
		atMost(fmt.Sprintf("online events of %d first heartbeats written down", b.Sessions), "", o.fill.written.Seconds(), "s", wantedWritten),
		atMost(fmt.Sprintf("%d of %d sessions expire in a second: the last seen offline after its deadline", b.Storm, b.Sessions), "", last, "s", wantedLate),
		atMost("seen offline before the deadline", "", float64(late.early), "users", 0),
		atMost("outside the storm, seen offline after the deadline, p99", "", punctual, "ms", wantedPunctual),
	}
}

// lateness is how long after their deadline sessions were seen offline, in
// seconds.
type lateness struct {
	storm, before []float64
	earliest      float64
	early         int
}

// judge tells the departures apart: user i < storm belongs to the storm. A
// deadline is the last beat, by the node's clock, and the timeout. A session is
// offline early where it was seen so before that, or in less than the timeout
// after its beat was sent.
func judge(f *Findings, o outcome, storm int, timeout time.Duration) (l lateness) {
	seen := make([]bool, len(o.sent))
	others, twice := 0, 0
	for _, d := range o.seen {
		switch {
		case d.user >= len(o.sent):
			others++
			continue
		case seen[d.user]:
			twice++
			continue
		}
		seen[d.user] = true
		late := d.at.Sub(d.lastSeen.Add(timeout)).Seconds()
		if len(l.storm)+len(l.before) == 0 || late < l.earliest {
			l.earliest = late
		}
		if late < 0 || d.at.Before(o.sent[d.user].Add(timeout)) {
			l.early++
		}
		if d.user < storm {
			l.storm = append(l.storm, late)
		} else {
			l.before = append(l.before, late)
		}
	}
	if missing := len(o.sent) - len(l.storm) - len(l.before); missing > 0 {
		f.fault("%d of %d sessions that fell silent were never seen offline", missing, len(o.sent))
	}
	if l.early > 0 {
		f.fault("%d sessions were seen offline early", l.early)
	}
	if twice > 0 {
		f.fault("%d sessions were seen offline twice", twice)
	}
	if others > 0 {
		f.fault("%d sessions whose users went on beating were seen offline", others)
	}
	return l
}
