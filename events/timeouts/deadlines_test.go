package timeouts

import (
	"cmp"
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/rollcall-dev/rollcall/events"
	"github.com/rollcall-dev/rollcall/events/journal"
)

// model is the wheel done naively: every session is looked at every time.
type model struct {
	t      *rapid.T
	limits events.Limits
	wheel  *Deadlines
	users  []*events.User
	seq    uint64
	base   int64 // covered time at the last message
	ahead  int64 // how far it is estimated to have gone since
	mono   int64
	gap    int64            // covered time at which the last gap ended
	latest map[string]int64 // user and session → covered time by which a due one must be reported
	rough  bool             // only a part was looked at sometimes, and the wheel may stand ahead
	peak   int64            // of covered time
}

func (m *model) now() Instant {
	m.peak = max(m.peak, m.base+m.ahead)
	return Instant{Covered: m.base + m.ahead, Resumed: m.gap, Mono: m.mono}
}

func (m *model) left(s *events.Session, now Instant) int64 {
	limit := m.limits.Of(s)
	left := max(s.Covered, now.Resumed) + limit.Milliseconds() - now.Covered
	if s.Mono != 0 {
		for left <= 0 && s.Mono+int64(limit) > now.Mono+left*int64(time.Millisecond) {
			left++
		}
		guard := time.Duration(s.Mono + int64(limit) - now.Mono)
		left = max(left, (guard + time.Millisecond - 1).Milliseconds())
	}
	return left
}

func (m *model) by(left int64) int64 {
	by := m.now().Covered + left + tick
	if m.rough {
		by = max(by, m.peak+2*tick)
	}
	return by
}

func sessionKey(user, session string) string { return user + "/" + session }

// message puts something into the log after d of silence.
func (m *model) message(d int64) {
	m.seq++
	m.base, m.ahead = m.base+d, 0
}

func (m *model) beat() {
	u := rapid.SampledFrom(m.users).Draw(m.t, "user")
	session := rapid.SampledFrom([]string{"a", "b", "c"}).Draw(m.t, "session")
	m.message(rapid.Int64Range(0, 50).Draw(m.t, "after"))
	at := events.Moment{Seq: m.seq, Covered: m.base, Mono: m.mono * rapid.Int64Range(0, 1).Draw(m.t, "read live")}
	b := events.RawBeat{User: []byte(u.ID), Session: []byte(session), Leaving: rapid.Bool().Draw(m.t, "leaving"),
		Every: rapid.SampledFrom([]uint16{0, 0, 60, 360, 3600}).Draw(m.t, "every")}
	events.ApplyBeat(u, at, &b)
	u.Pending = nil
	m.wheel.Touch(u)
	for i := range u.Sessions { // a touch may put each of them off by a tick
		s := &u.Sessions[i]
		k := sessionKey(u.ID, s.ID)
		m.latest[k] = max(m.latest[k], m.by(max(m.left(s, m.now()), tick)))
	}
}

func (m *model) logout() {
	u := rapid.SampledFrom(m.users).Draw(m.t, "user")
	m.message(1)
	events.Apply(u, events.Moment{Seq: m.seq, Covered: m.base}, &events.Event{Type: events.Logout, User: u.ID, All: true, Actor: u.ID})
	m.wheel.Touch(u)
	for _, s := range []string{"a", "b", "c"} {
		delete(m.latest, sessionKey(u.ID, s))
	}
}

// look asks the wheel, in parts of n, and compares.
func (m *model) look(n int, all bool) {
	now := m.now()
	m.rough = m.rough || !all
	for more := true; more; more = more && all {
		more = m.wheel.Decide(now, n)
	}
	reported := map[string]bool{}
	for more := true; more; more = more && all {
		var due []Due
		due, more = m.wheel.Take(now, n)
		for _, d := range due {
			m.check(d, now)
			k := sessionKey(d.User, d.Session)
			if reported[k] {
				m.t.Fatalf("%s was reported twice at once", k)
			}
			reported[k] = true
			m.latest[k] = now.Covered + 1000 + tick
		}
	}
	m.checkMissed(now, reported, all)
}

func (m *model) check(d Due, now Instant) {
	i := slices.IndexFunc(m.users, func(u *events.User) bool { return u.ID == d.User })
	s := m.users[i].Session(d.Session)
	switch {
	case s == nil:
		m.t.Fatalf("%s/%s is reported but has ended", d.User, d.Session)
	case m.left(s, now) > 0:
		m.t.Fatalf("%s/%s is reported %d ms early", d.User, d.Session, m.left(s, now))
	case d.Place != s.Place() || d.LastSeen != s.LastSeen || d.Leaving != s.Leaving:
		m.t.Fatalf("%s/%s is judged by %+v, but is %+v", d.User, d.Session, d, *s)
	}
}

func (m *model) checkMissed(now Instant, reported map[string]bool, all bool) {
	for _, u := range m.users {
		for i := range u.Sessions {
			s := &u.Sessions[i]
			k := sessionKey(u.ID, s.ID)
			left := m.left(s, now)
			switch {
			case reported[k]:
			case all && left <= 0 && now.Covered >= m.latest[k]:
				m.t.Fatalf("%s is due for %d ms and was to be reported %d ms ago", k, -left, now.Covered-m.latest[k])
			case left > 0:
				m.latest[k] = max(m.latest[k], m.by(left))
			}
		}
	}
}

func TestTheWheelReportsNobodyEarlyAndEverybodyInTime(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := &model{t: t, mono: 1, latest: map[string]int64{}, limits: events.Limits{
			Timeout:    rapid.SampledFrom([]time.Duration{10 * time.Second, 2 * time.Minute, time.Hour}).Draw(t, "timeout"),
			LeaveGrace: 8 * time.Second}}
		m.base = rapid.Int64Range(0, 1e9).Draw(t, "begin")
		m.wheel = NewDeadlines(m.limits, m.base)
		for i := range 4 {
			m.users = append(m.users, &events.User{ID: fmt.Sprint("user-", i)})
		}
		ms := int64(time.Millisecond)
		t.Repeat(map[string]func(*rapid.T){
			"beat":       func(t *rapid.T) { m.t = t; m.beat() },
			"beat again": func(t *rapid.T) { m.t = t; m.beat() },
			"logout":     func(t *rapid.T) { m.t = t; m.logout() },
			"a busy log": func(t *rapid.T) {
				d := rapid.Int64Range(1, 20_000).Draw(t, "ms")
				m.message(d)
				m.mono += (d + rapid.Int64Range(0, 10).Draw(t, "jitter")) * ms
			},
			"a quiet log": func(t *rapid.T) {
				d := rapid.Int64Range(1, deaf.Milliseconds()-m.ahead+1).Draw(t, "ms")
				m.ahead = min(m.ahead+d, deaf.Milliseconds())
				m.mono += d * ms
			},
			"the broker's clock steps": func(t *rapid.T) { m.message(rapid.Int64Range(0, 10_000).Draw(t, "ms")) },
			"hours are read at once":   func(t *rapid.T) { m.message(rapid.Int64Range(1, 4*3_600_000).Draw(t, "ms")) },
			"a gap":                    func(t *rapid.T) { m.message(0); m.gap = m.base; m.mono += int64(10 * time.Minute) },
			"a look":                   func(t *rapid.T) { m.t = t; m.look(rapid.IntRange(1, 100).Draw(t, "n"), true) },
			"a part of a look":         func(t *rapid.T) { m.t = t; m.look(1, false) },
		})
	})
}

// quiet is a user with one session that gave its last sign of life at covered
// time ms.
func quiet(id string, ms int64) *events.User {
	return &events.User{ID: id, Seq: 1, Sessions: []events.Session{{ID: "web", Activity: events.Activity{Seq: 1, LastSeen: 1, Covered: ms}}}}
}

func takeAll(d *Deadlines, now Instant) (all []Due) {
	for d.Decide(now, maxLooks) {
	}
	for more := true; more; {
		var due []Due
		due, more = d.Take(now, window)
		all = append(all, due...)
	}
	return all
}

var usual = events.Limits{Timeout: 2 * time.Minute, LeaveGrace: 15 * time.Second}

func TestALeavingBeatBringsTheDeadlineForward(t *testing.T) {
	d := NewDeadlines(usual, 0)
	u := quiet("alice", 1000)
	d.Touch(u)
	s := &u.Sessions[0]
	s.Activity = events.Activity{Seq: 2, LastSeen: 2, Covered: 2000, Leaving: true}
	d.Touch(u)
	if got := takeAll(d, Instant{Covered: 16_999}); len(got) != 0 {
		t.Fatalf("early: %+v", got)
	}
	got := takeAll(d, Instant{Covered: 17_025})
	if len(got) != 1 || !got[0].Leaving || got[0].Place.Seq != 2 {
		t.Fatalf("got %+v, want alice, who left", got)
	}
	// She is back after all.
	s.Activity = events.Activity{Seq: 3, LastSeen: 3, Covered: 17_500}
	d.Touch(u)
	if got := takeAll(d, Instant{Covered: 137_499}); len(got) != 0 {
		t.Fatalf("early: %+v", got)
	}
	if got := takeAll(d, Instant{Covered: 137_525}); len(got) != 1 || got[0].Place.Seq != 3 {
		t.Fatalf("got %+v, want alice by her last beat", got)
	}
}

func TestWhoeverIsDueIsReportedAgainUntilTheLogHasEndedHim(t *testing.T) {
	d := NewDeadlines(usual, 0)
	u := quiet("alice", 0)
	d.Touch(u)
	var at []int64
	for ms := int64(0); ms <= 123_000; ms += tick {
		if len(takeAll(d, Instant{Covered: ms})) > 0 {
			at = append(at, ms)
		}
	}
	same(t, "reported at", at, 120_000, 121_000, 122_000, 123_000)
	u.Sessions = nil
	if got := takeAll(d, Instant{Covered: 200_000}); len(got) != 0 {
		t.Errorf("reported after its end: %+v", got)
	}
	left := 0
	d.each(func(*events.User) { left++ })
	if left != 0 {
		t.Errorf("%d entries are left of a session that has ended", left)
	}
}

func TestASmallStepOfTheBrokersClockFiresNothingEarly(t *testing.T) {
	d := NewDeadlines(usual, 0)
	u := quiet("alice", 0)
	u.Sessions[0].Mono = 1
	d.Touch(u)
	mono := func(after time.Duration) int64 { return 1 + int64(after) }
	if got := takeAll(d, Instant{Covered: 125_000, Mono: mono(115 * time.Second)}); len(got) != 0 {
		t.Fatalf("five seconds early by our own clock: %+v", got)
	}
	if got := takeAll(d, Instant{Covered: 130_025, Mono: mono(120*time.Second + 25*time.Millisecond)}); len(got) != 1 {
		t.Fatalf("got %+v, want alice", got)
	}
}

func TestMassExpiryIsDecidedInTime(t *testing.T) {
	const crowd = 100_000
	f := &still{clock: events.Clock{Covered: 1000, Last: 1}, mono: events.Mono()}
	c := New(Config{Log: &journal.Journal{}, Fold: f, Unleased: true, Limits: events.Limits{Timeout: 300 * time.Millisecond}})
	c.deadlines = NewDeadlines(c.cfg.Limits, 1000)
	f.mono = events.Mono()
	for i := range crowd {
		u := quiet(name(i), 1000)
		u.Sessions[0].Mono = f.mono
		c.deadlines.Touch(u)
	}
	var late []int64
	ticker := time.NewTicker(tick * time.Millisecond)
	defer ticker.Stop()
	for len(late) < crowd {
		<-ticker.C
		c.turn()
		for more := true; more; {
			var endings []ending
			endings, more = c.take(false)
			for _, e := range endings {
				late = append(late, e.late)
			}
		}
	}
	slices.SortFunc(late, cmp.Compare[int64])
	t.Logf("%d due at once were decided: median %d ms, p99 %d ms, last %d ms after their deadline",
		crowd, late[crowd/2], late[crowd*99/100], late[crowd-1])
}

// still is a fold that stands still.
type still struct {
	Fold
	clock events.Clock
	mono  int64
}

func (s *still) Locked(fn func(uint64, events.Clock, int64)) { fn(1, s.clock, s.mono) }

func TestTheMemoryOfABurstIsGivenBack(t *testing.T) {
	d := NewDeadlines(usual, 0)
	for i := range 10_000 {
		u := quiet(name(i), 0)
		d.Touch(u)
		u.Sessions = nil
	}
	takeAll(d, Instant{Covered: 200_000})
	held := cap(d.ready) + cap(d.decided)
	for _, slot := range d.ring {
		held += cap(slot)
	}
	if held != 0 {
		t.Errorf("room for %d entries is held although none is left", held)
	}
}
