package events_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/rollcall-dev/rollcall/events"
)

// window is events.KeyWindow in milliseconds.
const window = int64(120_000)

// keysModel remembers every claim there ever was.
type keysModel struct {
	claims []events.KeyClaim // in the order of the log
	told   int               // how many of them Fresh has told
}

// claimed is the last claim of id that is younger than the window at now.
func (m *keysModel) claimed(id [16]byte, now int64) (events.Claim, bool) {
	for _, c := range slices.Backward(m.claims) {
		if c.ID == id && now-c.Covered < window {
			return c.Claim, true
		}
	}
	return events.Claim{}, false
}

// since is what claims from the place from on are still good at now.
func (m *keysModel) since(from int, now int64) (list []events.KeyClaim) {
	for _, c := range m.claims[from:] {
		if now-c.Covered < window {
			list = append(list, c)
		}
	}
	return list
}

// keysLog is what the property draws: a log of entries with keys.
type keysLog struct {
	t    *rapid.T
	at   events.Moment
	keys events.Keys
	m    keysModel
	kept []events.KeyClaim // what a view has put away: what Fresh said, and All at a restart
}

func (l *keysLog) judge() {
	t := l.t
	if rapid.Bool().Draw(t, "same commit") && l.at.Seq > 0 {
		l.at.Nth++
	} else {
		l.at.Seq, l.at.Nth = l.at.Seq+1, 0
		l.at.Covered += rapid.SampledFrom([]int64{0, 1, 10_000, window/2 - 1, window / 2, window - 1, window}).Draw(t, "elapsed")
	}
	key := events.Key{ID: [16]byte{rapid.Byte().Draw(t, "id")%5 + 1}, Request: [16]byte{rapid.Byte().Draw(t, "request") % 3}}
	want, repeat := l.m.claimed(key.ID, l.at.Covered)
	if !repeat {
		want = events.Claim{Place: l.at.Place(), Request: key.Request, Covered: l.at.Covered}
		l.m.claims = append(l.m.claims, events.KeyClaim{ID: key.ID, Claim: want})
	}
	if first, void := l.keys.Judge(key, l.at); void != repeat || first != want {
		t.Fatalf("%v at %s, covered %d: got %+v, void %v, want %+v, %v", key, l.at.Place(), l.at.Covered, first, void, want, repeat)
	}
}

// ask looks for keys without a claim, at the log's end and later.
func (l *keysLog) ask() {
	now := l.at.Covered + rapid.SampledFrom([]int64{0, 1, window - 1, window}).Draw(l.t, "later")
	for id := range byte(7) {
		want, known := l.m.claimed([16]byte{id}, now)
		if got, claimed := l.keys.Claimed([16]byte{id}, now); claimed != known || known && got != want {
			l.t.Fatalf("%d at %d: got %+v, %v, want %+v, %v", id, now, got, claimed, want, known)
		}
	}
}

// fresh puts away what is new, as a checkpoint does. What has become old by now
// may be left out.
func (l *keysLog) fresh() {
	got := good(l.keys.Fresh(), l.at.Covered)
	if d := diff(l.m.since(l.m.told, l.at.Covered), got, cmpopts.EquateEmpty()); d != "" {
		l.t.Fatalf("fresh (-want +got):\n%s", d)
	}
	l.m.told = len(l.m.claims)
	l.kept = append(l.kept, got...)
	if again := l.keys.Fresh(); len(again) > 0 {
		l.t.Fatalf("told twice: %+v", again)
	}
}

func (l *keysLog) all() {
	if d := diff(l.m.since(0, l.at.Covered), good(l.keys.All(), l.at.Covered), cmpopts.EquateEmpty()); d != "" {
		l.t.Fatalf("all (-want +got):\n%s", d)
	}
}

// restart goes on with what the last checkpoint has, or with all of it.
func (l *keysLog) restart() {
	whole := rapid.Bool().Draw(l.t, "whole")
	if whole {
		l.kept = l.keys.All()
	} else {
		l.fresh()
	}
	l.m.told = len(l.m.claims)
	l.keys = events.Keys{}
	l.keys.Restore(l.kept)
	if again := l.keys.Fresh(); len(again) > 0 {
		l.t.Fatalf("restored, and told as fresh: %+v", again)
	}
}

func good(list []events.KeyClaim, now int64) (kept []events.KeyClaim) {
	for _, c := range list {
		if now-c.Covered < window {
			kept = append(kept, c)
		}
	}
	return kept
}

func TestKeysDoWhatTheModelDoes(t *testing.T) {
	if events.KeyWindow.Milliseconds() != window {
		t.Fatalf("the window is %v", events.KeyWindow)
	}
	rapid.Check(t, func(t *rapid.T) {
		l := &keysLog{}
		deed := func(do func(*keysLog)) func(*rapid.T) { return func(t *rapid.T) { l.t = t; do(l) } }
		t.Repeat(map[string]func(*rapid.T){"judge": deed((*keysLog).judge), "judge again": deed((*keysLog).judge), "ask": deed((*keysLog).ask),
			"fresh": deed((*keysLog).fresh), "all": deed((*keysLog).all), "restart": deed((*keysLog).restart)})
	})
}

// What is outdated takes no memory once the next key has come.
func TestOutdatedKeysAreForgotten(t *testing.T) {
	var k events.Keys
	for i := range 1000 {
		k.Judge(events.Key{ID: [16]byte{1, byte(i), byte(i >> 8)}}, events.Moment{Seq: uint64(i), Covered: int64(i)})
	}
	if k.Len() != 1000 {
		t.Errorf("%d keys, want a thousand", k.Len())
	}
	k.Judge(events.Key{ID: [16]byte{2}}, events.Moment{Seq: 2000, Covered: 499 + window})
	if k.Len() != 501 {
		t.Errorf("%d keys, want 501", k.Len())
	}
	k.Judge(events.Key{ID: [16]byte{3}}, events.Moment{Seq: 2001, Covered: 5 * window})
	if got := k.All(); len(got) != 1 || got[0].ID != [16]byte{3} || k.Len() != 1 {
		t.Errorf("left: %+v", got)
	}
	if got := k.Fresh(); len(got) != 1 {
		t.Errorf("fresh: %+v", got)
	}
}
