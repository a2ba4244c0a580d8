package loadgen

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"
)

const (
	eventsPath = "/v1/events"
	// changeTick is how often changes are sent that have become due.
	changeTick = 10 * time.Millisecond
	// changeUsers take turns: everybody logs in, then everybody logs out.
	changeUsers = 2000
)

// ErrChange says that the node did not take a change.
var ErrChange = errors.New("a change was not accepted")

// changer makes users come and go, a change of status with every event.
type changer struct {
	url, token string // of a service
	perSecond  int
	done       int64  // changes that were acknowledged
	last       uint64 // the sequence of the last of them
}

// run sends changes until ctx ends. What was due meanwhile is sent with the next request when one takes long, so that
// the rate holds over time.
func (c *changer) run(ctx context.Context) error {
	began, first := time.Now(), c.done
	tick := time.NewTicker(changeTick)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		due := int64(time.Since(began).Seconds() * float64(c.perSecond))
		if n := first + due - c.done; n > 0 {
			if err := c.send(ctx, int(n)); err != nil && ctx.Err() == nil {
				return err
			}
		}
	}
}

// burstEvery lies between two bursts.
const burstEvery = time.Second / 2

// burst is how many changes come at once where so many are made a second.
func burst(perSecond int) int { return (perSecond + 1) / 2 }

// bursts sends what is due in half a second at once, twice a second, until ctx
// ends.
func (c *changer) bursts(ctx context.Context) error {
	tick := time.NewTicker(burstEvery)
	defer tick.Stop()
	for {
		if err := c.send(ctx, burst(c.perSecond)); err != nil && ctx.Err() == nil {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// send makes n changes. The end of ctx does not break it off: what was sent must be counted.
func (c *changer) send(ctx context.Context, n int) error {
	var body bytes.Buffer
	for i := range int64(n) {
		kind := "login"
		if (c.done+i)/changeUsers%2 == 1 {
			kind = "logout"
		}
		fmt.Fprintf(&body, `{"type":%q,"user":"change-%05d"}`+"\n", kind, (c.done+i)%changeUsers)
	}
	last, err := c.post(ctx, &body, n)
	if err != nil {
		return err
	}
	c.done += int64(n)
	c.last = last
	return nil
}

// logIn makes the users of Tokens be there, so that their heartbeats change nothing.
func (c *changer) logIn(ctx context.Context, users int) error {
	var body bytes.Buffer
	for i := range users {
		fmt.Fprintf(&body, `{"type":"login","user":%q}`+"\n", userName(i))
	}
	_, err := c.post(ctx, &body, users)
	return err
}

// post sends n events and returns the sequence of the last.
func (c *changer) post(ctx context.Context, body io.Reader, n int) (last uint64, err error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), catchUp)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url+eventsPath, body)
	if err != nil {
		return 0, err
	}
	request.Header.Set("Authorization", "Bearer "+c.token)
	request.Header.Set("Content-Type", "application/x-ndjson")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, err
	}
	defer response.Body.Close()
	var said struct {
		Accepted int    `json:"accepted"`
		Seq      uint64 `json:"seq"`
	}
	if err := json.NewDecoder(response.Body).Decode(&said); err != nil || response.StatusCode != http.StatusOK || said.Accepted != n {
		return 0, errors.Join(fmt.Errorf("%w: status %d, %d of %d taken", ErrChange, response.StatusCode, said.Accepted, n), err)
	}
	return said.Seq, nil
}
