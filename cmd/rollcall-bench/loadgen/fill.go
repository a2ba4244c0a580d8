package loadgen

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"golang.org/x/sync/errgroup"
	"google.golang.org/protobuf/encoding/protowire"
)

const (
	heartbeatsPath = "/v1/heartbeats"
	// fillBatch is how many heartbeats are in one request, fillers how many
	// requests are under way.
	fillBatch = 1000
	fillers   = 4
	// fillTime is how long a node may take to write down and show a fill.
	fillTime = 10 * time.Minute
)

// ErrFill says that a node did not take all events of a request.
var ErrFill = errors.New("not all events were accepted")

// filledName is the user i of those that a node is filled with.
func filledName(i int) string { return fmt.Sprintf("user-%06d", i) }

// batchOf is a HeartbeatBatch of the users [from, to), as
// rollcall.presence.v1 has it: beats are field 1, the user of each field 1.
func batchOf(name func(int) string, from, to int) []byte {
	var batch, beat []byte
	for i := from; i < to; i++ {
		beat = protowire.AppendTag(beat[:0], 1, protowire.BytesType)
		beat = protowire.AppendString(beat, name(i))
		batch = protowire.AppendTag(batch, 1, protowire.BytesType)
		batch = protowire.AppendBytes(batch, beat)
	}
	return batch
}

// beats sends a heartbeat of each of the first n filled users, in batches, and
// blocks until all are acknowledged.
func (a asker) beats(ctx context.Context, n int) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(fillers)
	for from := 0; from < n && ctx.Err() == nil; from += fillBatch {
		group.Go(func() error { return a.batch(ctx, from, min(from+fillBatch, n)) })
	}
	return group.Wait()
}

// batch sends one batch of the filled users [from, to).
func (a asker) batch(ctx context.Context, from, to int) error {
	return a.batchOf(ctx, filledName, from, to)
}

// batchOf sends one batch of other users.
func (a asker) batchOf(ctx context.Context, name func(int) string, from, to int) error {
	return a.send(ctx, heartbeatsPath, "application/x-protobuf", batchOf(name, from, to), to-from)
}

// fillClient keeps a connection for each filler.
var fillClient = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: fillers}}

// filling is how long a fill took.
type filling struct {
	acknowledged time.Duration // from the first heartbeat until all are acknowledged
	written      time.Duration // … until the online events of all are written down
}

// fillLive gives each of n users a live session and blocks until their online
// events are written down and the views show them.
func (l launcher) fillLive(ctx context.Context, node *process, secret []byte, n int) (filling, error) {
	return l.fillLiveWhile(ctx, node, secret, n, func() {})
}

// fillLiveWhile is fillLive that calls acknowledged when all heartbeats are.
func (l launcher) fillLiveWhile(ctx context.Context, node *process, secret []byte, n int, acknowledged func()) (f filling, err error) {
	a, err := newAsker(node.url, secret)
	if err != nil {
		return filling{}, err
	}
	before, err := a.witnesses(ctx)
	if err != nil {
		return filling{}, err
	}
	l.say("%s: first heartbeats of %d users", node.name, n)
	began := time.Now()
	if err := a.beats(ctx, n); err != nil {
		return filling{}, err
	}
	f.acknowledged = time.Since(began)
	acknowledged()
	err = poll(ctx, "writing down who came online", fillTime, func() (bool, error) {
		now, err := a.witnesses(ctx)
		return now-before >= float64(n), err
	})
	if err != nil {
		return filling{}, err
	}
	f.written = time.Since(began)
	err = a.await(ctx, "showing who came online", fillTime, func(s standing) bool { return s.Online >= n })
	l.say("%s: acknowledged after %s, online events written after %s", node.name, f.acknowledged.Round(time.Millisecond), f.written.Round(time.Millisecond))
	return f, err
}

// witnesses is how many online events the node has written down because of
// heartbeats.
func (a asker) witnesses(ctx context.Context) (float64, error) {
	m, err := a.metrics(ctx)
	if err != nil {
		return 0, err
	}
	return m.total(metricWitnesses)
}
