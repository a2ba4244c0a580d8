package presence

import (
	"context"
	"slices"
	"time"

	"github.com/rollcall-dev/rollcall/api/client"
)

const (
	// paceDefault is how long a beat waits for others to go with.
	paceDefault = time.Second
	// paceMost is the longest pause after sendings that failed, which grow from pace on.
	paceMost = 30 * time.Second
	// patience is how long a node may take to acknowledge a batch.
	patience = 5 * time.Second
)

// Run sends what Touch and Seen count until ctx ends, then the rest, and returns nil, within ten seconds. A batch that
// cannot be sent is not kept, since a late heartbeat would be a wrong one: it is counted as failed, and its users count
// again with their next request. Call Run once.
func (b *Beats) Run(ctx context.Context) error {
	failures := 0
	timer := time.NewTimer(b.pace)
	defer timer.Stop()
	for {
		full := b.full
		if failures > 0 {
			full = nil // a node in trouble is not asked more often for it
		}
		select {
		case <-ctx.Done():
			_ = b.flush(ctx) // counted, and there is no next time
			return nil
		case <-timer.C:
		case <-full:
		}
		failures = b.told(ctx, b.flush(ctx), failures)
		timer.Reset(min(b.pace<<min(failures, 10), paceMost))
	}
}

// told logs when sending begins to fail and when it works again. It returns how often it has failed in a row.
func (b *Beats) told(ctx context.Context, err error, before int) (failures int) {
	switch {
	case err == nil && before > 0:
		b.options.Logger.InfoContext(ctx, "heartbeats are sent again", "failed", b.failed.Load())
	case err != nil && before == 0:
		b.options.Logger.WarnContext(ctx, "heartbeats are not sent", "error", err)
	}
	if err == nil {
		return 0
	}
	return before + 1
}

// flush sends all that waits. Where a batch fails the rest is not tried.
func (b *Beats) flush(ctx context.Context) error {
	users := b.recent.take()
	for part := range slices.Chunk(users, batch) {
		if err := b.send(ctx, part); err != nil {
			b.failed.Add(uint64(len(users)))
			b.recent.forget(users)
			return err
		}
		users = users[len(part):]
	}
	return nil
}

// send sends one batch. The end of ctx does not break it off.
func (b *Beats) send(ctx context.Context, users []string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	beats := make([]client.UserHeartbeat, len(users))
	for i, user := range users {
		beats[i] = client.UserHeartbeat{User: user, Session: b.options.Session, Every: int((b.options.Every + time.Second - 1) / time.Second)}
	}
	got, err := b.client.Heartbeats(ctx, beats)
	if err != nil {
		return err
	}
	b.sent.Add(uint64(max(0, got.Accepted)))
	b.rejected.Add(uint64(max(0, got.Rejected)))
	return nil
}
