package journal_test

import (
	"testing"
	"time"

	"github.com/rollcall-dev/rollcall/events"
	"github.com/rollcall-dev/rollcall/events/journal"
	"github.com/rollcall-dev/rollcall/events/journaltest"
)

// lookbackLog is a log of 400 commits, one each second, all archived, and with
// an outage of an hour after the commit gap, if there is one. The last one says
// up to where heartbeats are witnessed.
func lookbackLog(t *testing.T, gap, witnessed uint64) *audited {
	a := auditedOn(t, journaltest.Connect(t, journaltest.Server(t, t.TempDir())), journal.Config{Quiet: true, Lookback: time.Minute})
	a.run()
	w := newWritten(t, a.nc)
	for i := range 399 {
		if i%2 == 0 {
			w.put(login("alice"))
		} else {
			w.put(beat("alice"))
		}
	}
	w.publish(events.AppendCommit(nil, 1, "test", witnessed))
	a.SetClock(func(seq uint64) events.Millis {
		at := events.Millis(1_700_000_000_000 + seq*1000)
		if gap != 0 && seq > gap {
			at += 3_600_000
		}
		return at
	})
	a.copied(400)
	return a
}

func (a *audited) horizon(end uint64) journal.Horizon {
	a.t.Helper()
	h, err := a.Horizon(a.t.Context(), end)
	if err != nil {
		a.t.Fatal(err)
	}
	return h
}

// TestANewViewBeginsALookbackBeforeTheEnd, in covered time, and reads the keys of
// the two minutes before.
func TestANewViewBeginsALookbackBeforeTheEnd(t *testing.T) {
	a := lookbackLog(t, 0, 399)
	if h := a.horizon(0); h != (journal.Horizon{Seq: 340, Lead: 220}) {
		t.Errorf("got %+v", h)
	}
	a.cut(300)
	if h := a.horizon(0); h != (journal.Horizon{Seq: 340, Lead: 300}) {
		t.Errorf("keys of what has been trimmed: %+v", h)
	}
	a.cut(350)
	if h := a.horizon(0); h != (journal.Horizon{Seq: 350, Lead: 350}) {
		t.Errorf("trimmed: %+v", h)
	}
}

// TestAnOutageIsNoLookback: the hour in which nobody was heard covers nothing.
func TestAnOutageIsNoLookback(t *testing.T) {
	a := lookbackLog(t, 390, 399)
	h := a.horizon(0)
	// The commits 391 to 400 cover 9 s; 51 s more are before the outage.
	if h.Seq > 339 || h.Seq == 0 {
		t.Errorf("it begins at %+v, and less than a minute is covered", h)
	}
	if h.Lead > h.Seq || h.Lead+120 < h.Seq && h.Lead != 1 {
		t.Errorf("keys: %+v", h)
	}
}

// TestANewViewBeginsNotAfterTheArchivesEnd.
func TestANewViewBeginsNotAfterTheArchivesEnd(t *testing.T) {
	a := lookbackLog(t, 0, 399)
	a.stop()
	kept := rawArchive(t, a.nc)
	if err := stream(t, a.nc, events.StreamArchive).Purge(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, m := range kept[:50] { // the commits 1, 3 … 99
		if _, err := streams(t, a.nc).PublishMsg(t.Context(), m); err != nil {
			t.Fatal(err)
		}
	}
	if h := a.horizon(0); h != (journal.Horizon{Seq: 99, Lead: 1}) {
		t.Errorf("got %+v", h)
	}
}

// TestANewViewBeginsNotAfterAHeartbeatWithoutItsWitness.
func TestANewViewBeginsNotAfterAHeartbeatWithoutItsWitness(t *testing.T) {
	for witnessed, want := range map[uint64]journal.Horizon{0: {Seq: 1, Lead: 1}, 149: {Seq: 150, Lead: 30}, 338: {Seq: 339, Lead: 219}, 339: {Seq: 340, Lead: 220}, 340: {Seq: 340, Lead: 220}} {
		if h := lookbackLog(t, 0, witnessed).horizon(0); h != want {
			t.Errorf("witnessed up to %d: %+v, want %+v", witnessed, h, want)
		}
	}
}

// TestAHorizonOfAReaderWhoStopsEarlier, where the log does not say what is
// witnessed.
func TestAHorizonOfAReaderWhoStopsEarlier(t *testing.T) {
	a := lookbackLog(t, 0, 399)
	if h := a.horizon(200); h != (journal.Horizon{Seq: 1, Lead: 1}) {
		t.Errorf("got %+v", h)
	}
	a.cut(300)
	if h := a.horizon(200); h != (journal.Horizon{Seq: 201, Lead: 201}) {
		t.Errorf("what has been trimmed: %+v", h)
	}
}

func TestTheHorizonOfAnEmptyLogIsItsBeginning(t *testing.T) {
	j := journaltest.Open(t, journal.Config{Quiet: true})
	if h, err := j.Horizon(t.Context(), 0); err != nil || h != (journal.Horizon{Seq: 1, Lead: 1}) {
		t.Errorf("got %+v, %v", h, err)
	}
}
