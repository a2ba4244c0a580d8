package events_test

import (
	"fmt"
	"testing"

	"github.com/rollcall-dev/rollcall/events"
)

// aThousandBeats is what a busy node publishes at once: most users have one
// session and its default interval, every tenth another actor.
func aThousandBeats() []events.Beat {
	beats := make([]events.Beat, 1000)
	for i := range beats {
		user := fmt.Sprintf("user-%06d", i)
		beats[i] = events.Beat{User: user, Session: events.DefaultSession, Actor: user, At: morning + events.Millis(i/100), Every: 30, Idle: i%5 == 0}
		if i%10 == 0 {
			beats[i].Session, beats[i].Actor = "web-1", "gateway"
		}
	}
	return beats
}

func TestABatchIsDecodedWithoutAllocationsWhereOneIsReused(t *testing.T) {
	data := events.AppendBatch(nil, aThousandBeats())
	var batch events.Batch
	decode := func() {
		if err := batch.Decode(data); err != nil {
			t.Fatal(err)
		}
	}
	decode()
	if n := testing.AllocsPerRun(100, decode); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestABatchIsAppendedWithoutAllocationsWhereThereIsRoom(t *testing.T) {
	beats := aThousandBeats()
	dst := events.AppendBatch(nil, beats)
	if n := testing.AllocsPerRun(100, func() { dst = events.AppendBatch(dst[:0], beats) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestTheBeatOfEveryThirtySecondsAllocatesNothing(t *testing.T) {
	u, m, b := refreshed()
	if n := testing.AllocsPerRun(100, func() {
		m.Seq++
		m.Time += 30_000
		b.At = m.Time
		if _, changed := events.ApplyBeat(u, m, b); changed {
			t.Fatal("a refresh is no change")
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// refreshed is a user with two live sessions, and the next beat of the second.
func refreshed() (*events.User, events.Moment, *events.RawBeat) {
	u := &events.User{ID: "alice"}
	m := events.Moment{Time: morning}
	var next events.RawBeat
	for _, session := range []string{"web-1", events.DefaultSession} {
		m.Seq++
		beat := events.Beat{User: u.ID, Session: session, At: morning, Every: 30}
		next = beat.Raw()
		events.ApplyBeat(u, m, &next)
	}
	return u, m, &next
}

func BenchmarkDecodeBatch(b *testing.B) {
	data := events.AppendBatch(nil, aThousandBeats())
	var batch events.Batch
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		if err := batch.Decode(data); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/1000, "ns/beat")
	b.ReportMetric(float64(len(data))/1000, "B/beat")
}

func BenchmarkAppendBatch(b *testing.B) {
	beats := aThousandBeats()
	dst := events.AppendBatch(nil, beats)
	b.SetBytes(int64(len(dst)))
	b.ReportAllocs()
	for b.Loop() {
		dst = events.AppendBatch(dst[:0], beats)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/1000, "ns/beat")
}

func BenchmarkApplyBeat(b *testing.B) {
	u, m, beat := refreshed()
	b.ReportAllocs()
	for b.Loop() {
		m.Seq++
		m.Time += 30_000
		beat.At = m.Time
		if _, changed := events.ApplyBeat(u, m, beat); changed {
			b.Fatal("a refresh is no change")
		}
	}
}
