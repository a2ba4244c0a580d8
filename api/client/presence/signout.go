package presence

import (
	"context"
	"errors"
	"fmt"

	"github.com/rollcall-dev/rollcall/api/client"
)

// ErrRefused says that the node took no logout: the token is none of a service, or
// user is no id of one.
var ErrRefused = errors.New("the node refused the logout")

// SignOut ends all sessions of user and returns once the log has acknowledged it.
// Call it in the handler that signs them out. A heartbeat of theirs that waits is
// dropped, that of the very request included, and for Options.Every none counts:
// other tabs go on asking for a moment. It fails with ErrRefused, or as
// Client.Send does; the heartbeats are dropped all the same, and the node ends the
// sessions when it has not heard of them for its timeout.
func (b *Beats) SignOut(ctx context.Context, user string) error {
	b.recent.signOut(user, b.now())
	select {
	case b.sending <- struct{}{}: // a beat of theirs may have been under way
		<-b.sending
	case <-ctx.Done():
		return fmt.Errorf("signing out: %w", ctx.Err())
	}
	got, err := b.client.Send(ctx, []client.UserEvent{{Type: "logout", User: user, All: true}})
	if err != nil {
		return fmt.Errorf("signing out: %w", err)
	}
	if got.Accepted == 0 {
		return ErrRefused
	}
	return nil
}

// SignIn counts a sign of life of somebody who signs in, also right after SignOut.
func (b *Beats) SignIn(user string) {
	b.recent.signIn(user)
	b.Seen(user)
}
