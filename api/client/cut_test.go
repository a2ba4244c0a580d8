package client_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/rollcall-dev/rollcall/api/client"
)

// cutting is a line that breaks after some hundred bytes, in the middle of whatever it carries.
type cutting struct {
	http.RoundTripper
	chance *rand.Rand // of one reader, who makes one call at a time
	calls  int
}

func (c *cutting) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := c.RoundTripper.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	c.calls++
	resp.Body = &cutBody{ReadCloser: resp.Body, left: 30 + c.chance.IntN(3000)}
	return resp, nil
}

type cutBody struct {
	io.ReadCloser
	left int
}

func (b *cutBody) Read(p []byte) (int, error) {
	if b.left == 0 {
		return 0, io.ErrUnexpectedEOF
	}
	n, err := b.ReadCloser.Read(p[:min(len(p), b.left)])
	b.left -= n
	copy(p, bytes.Replace(p[:n], []byte("retry: 2000"), []byte("retry: 0001"), 1)) // or the test would mostly wait
	return n, err
}

// Whoever watches over a line that breaks all the time gets the same changes as one whose line holds.
func TestWatchingOverABadLineMissesNothingAndRepeatsNothing(t *testing.T) {
	ctx, stop := context.WithTimeout(t.Context(), time.Minute) // who repeats something may never come to the end
	node, ended := runNode(ctx)
	defer func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}()
	line := &cutting{RoundTripper: &http.Transport{}, chance: rand.New(rand.NewPCG(1, 2))}
	defer line.RoundTripper.(*http.Transport).CloseIdleConnections()
	good, service := clientOf(node, "reader", "presence:read"), clientOf(node, "service", "presence:write")
	bad, err := client.New(client.Config{Server: good.Server(), Token: tokenOf("reader", "presence:read"), HTTPClient: &http.Client{Transport: line}})
	if err != nil {
		t.Fatal(err)
	}
	began, lists := make(chan struct{}, 2), make(chan []client.Change, 2)
	watch := func(c *client.Client) {
		var list []client.Change
		defer func() { lists <- list }()
		for update, err := range c.Watch(ctx, client.WatchOptions{}) {
			switch u := update.(type) {
			case client.Snapshot:
				began <- struct{}{}
			case client.Change:
				if list = append(list, u); u.User == "last" {
					return
				}
			default:
				t.Errorf("got %+v, %v", u, err)
			}
		}
	}
	go watch(good)
	go watch(bad)
	<-began
	<-began
	chance := rand.New(rand.NewPCG(3, 4))
	for range 60 {
		var events []client.UserEvent
		var beats []client.UserHeartbeat
		for range 1 + chance.IntN(20) {
			user := fmt.Sprint("user-", chance.IntN(30))
			events = append(events, client.UserEvent{Type: []string{"login", "logout"}[chance.IntN(2)], User: user})
			beats = append(beats, client.UserHeartbeat{User: user, Idle: chance.IntN(2) == 0}) // one event of many changes
		}
		if _, err := service.Send(ctx, events); err != nil {
			t.Fatal(err)
		}
		if _, err := service.Heartbeats(ctx, beats); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := service.Send(ctx, []client.UserEvent{{Type: "login", User: "last"}}); err != nil {
		t.Fatal(err)
	}
	one, other := <-lists, <-lists
	if diff := cmp.Diff(one, other, cmpopts.IgnoreFields(client.Change{}, "ID")); diff != "" {
		t.Error(diff)
	}
	if len(one) < 100 || line.calls < 20 {
		t.Errorf("it was cut %d times in %d changes, which shows nothing", line.calls, len(one))
	}
}
