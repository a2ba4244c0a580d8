package loadgen

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"
)

// askTime bounds one question to a node.
const askTime = time.Minute

// ErrAsk says that a node did not answer a question with 200.
var ErrAsk = errors.New("the node did not answer")

// asker asks a node. It may do everything.
type asker struct{ url, token string }

func newAsker(url string, secret []byte) (asker, error) {
	token, err := scoped(secret, "presence:read presence:write presence:admin", time.Now())
	return asker{url: url, token: token}, err
}

// get calls read with the body of the answer to GET path. It returns ErrAsk for
// a status other than 200.
func (a asker) get(ctx context.Context, path string, read func(io.Reader) error) error {
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, a.url+path, nil)
	if err != nil {
		return err
	}
	request.Header.Set("Authorization", "Bearer "+a.token)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%w: GET %s: status %d", ErrAsk, path, response.StatusCode)
	}
	if read == nil {
		return nil
	}
	return read(response.Body)
}

// standing is GET /v1/stats.
type standing struct {
	Users    int     `json:"users"`
	Online   int     `json:"online"`
	Offline  int     `json:"offline"`
	Sessions int     `json:"sessions"`
	Seq      uint64  `json:"seq"`
	Lag      float64 `json:"lag_seconds"`
}

func (a asker) standing(ctx context.Context) (s standing, err error) {
	return s, a.get(ctx, "/v1/stats", func(body io.Reader) error { return json.NewDecoder(body).Decode(&s) })
}

// await asks until the standing is as wanted, for most at the longest.
func (a asker) await(ctx context.Context, what string, most time.Duration, wanted func(standing) bool) error {
	return poll(ctx, what, most, func() (bool, error) {
		s, err := a.standing(ctx)
		return err == nil && wanted(s), err
	})
}

// pollEvery lies between two questions of poll.
const pollEvery = 50 * time.Millisecond

// poll calls done until it says so, for most at the longest.
func poll(ctx context.Context, what string, most time.Duration, done func() (bool, error)) error {
	ctx, cancel := context.WithTimeoutCause(ctx, most, fmt.Errorf("%s: not within %s", what, most))
	defer cancel()
	for {
		ok, err := done()
		switch {
		case ok:
			return nil
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case err != nil:
			return fmt.Errorf("%s: %w", what, err)
		case !sleep(ctx, pollEvery):
			return context.Cause(ctx)
		}
	}
}
