package presence

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/rollcall-dev/rollcall/api/client"
)

const (
	// paceDefault is how long a beat waits for others to go with.
	paceDefault = time.Second
	// paceMost is the longest pause after sendings that failed, which grow from pace on. A beat that
	// waited for longer would tell of somebody who may be gone, so Retry-After is heeded up to it.
	paceMost = 30 * time.Second
	// patience is how long a node may take to acknowledge a batch, and all that is left once Run is to end.
	patience = 5 * time.Second
)

// errRefused is what is logged when the node took a request and none of its heartbeats.
var errRefused = errors.New("the node refused all of them: has the token the scope presence:write?")

// Run sends what Touch and Seen count until ctx ends, then the rest, as far as that goes within five seconds, and
// returns nil. A batch that cannot be sent is not kept, since a late heartbeat would be a wrong one: it is counted as
// failed, and its users count again with their next request. End ctx once the program serves no more requests. Call Run once.
func (b *Beats) Run(ctx context.Context) error {
	sending, cancel := b.outlive(ctx)
	defer cancel()
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
			_ = b.flush(sending) // counted, and there is no next time
			return nil
		case <-timer.C:
		case <-full:
		}
		err := b.flush(sending)
		failures = b.told(ctx, err, failures)
		timer.Reset(b.pause(err, failures))
	}
}

// outlive returns a context that ends grace after ctx.
func (b *Beats) outlive(ctx context.Context) (context.Context, context.CancelFunc) {
	longer, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		late := time.NewTimer(b.grace)
		defer late.Stop()
		select {
		case <-late.C:
			cancel()
		case <-longer.Done():
		}
	})
	return longer, func() { stop(); cancel() }
}

// pause is how long to wait after a sending that ended with err, the last of so many failures in a row.
func (b *Beats) pause(err error, failures int) time.Duration {
	wait := min(b.pace<<min(failures, 10), paceMost)
	var p *client.Problem
	if errors.As(err, &p) {
		wait = max(wait, min(p.RetryAfter, paceMost))
	}
	return wait
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

// send sends one batch.
func (b *Beats) send(ctx context.Context, users []string) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	// Who signs out while this goes on waits for it: the logout is to come after the beat.
	b.sending <- struct{}{}
	defer func() { <-b.sending }()
	if users = b.recent.present(users, b.now()); len(users) == 0 {
		return nil
	}
	beats := make([]client.UserHeartbeat, len(users))
	for i, user := range users {
		beats[i] = client.UserHeartbeat{User: user, Session: b.options.Session, Every: int((b.options.Every + time.Second - 1) / time.Second)}
	}
	got, err := b.client.Heartbeats(ctx, beats)
	if err != nil {
		return err
	}
	if got.Accepted == 0 {
		return errRefused
	}
	b.sent.Add(uint64(max(0, got.Accepted)))
	b.rejected.Add(uint64(max(0, got.Rejected)))
	return nil
}
