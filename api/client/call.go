package client

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// maxAnswer bounds what is read of an answer, in bytes: far above a page of 1000 users.
const maxAnswer = 64 << 20

// call is one exchange with a node.
type call struct {
	method, path string
	query        url.Values
	body         any    // nil: none; made JSON unless it is encoded
	key          string // Idempotency-Key; "": none
}

// do makes the call and decodes its answer into the value that into points to; nil throws it away. The header of the
// answer is returned for what the contract says there.
func (c *Client) do(ctx context.Context, what call, into any) (http.Header, error) {
	req, err := c.request(ctx, what.method, what.path, what.query)
	if err != nil {
		return nil, err
	}
	if err := what.fill(req); err != nil {
		return nil, err
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, err // a *url.Error: it names the call already
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return nil, fmt.Errorf("reading the answer to %s %s: %w", what.method, what.path, err)
	}
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		return nil, readProblem(resp, body)
	}
	if into == nil {
		return resp.Header, nil
	}
	if err := json.Unmarshal(body, into); err != nil {
		return nil, fmt.Errorf("%w: %s %s: %w", ErrAnswer, what.method, what.path, err)
	}
	return resp.Header, nil
}

func (w call) fill(req *http.Request) error {
	if w.key != "" {
		req.Header.Set("Idempotency-Key", w.key)
	}
	if w.body == nil {
		return nil
	}
	whole, ok := w.body.(encoded)
	if !ok {
		body, err := json.Marshal(w.body)
		if err != nil {
			return fmt.Errorf("encoding the body of %s %s: %w", w.method, w.path, err)
		}
		whole = encoded{media: "application/json", body: body}
	}
	req.Header.Set("Content-Type", whole.media)
	req.ContentLength = int64(len(whole.body))
	req.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(whole.body)), nil }
	var err error
	req.Body, err = req.GetBody()
	return err
}

// seqOf reads Rollcall-Seq; 0 where it is missing.
func seqOf(h http.Header) uint64 {
	seq, _ := strconv.ParseUint(h.Get("Rollcall-Seq"), 10, 64) // 0 is what a missing one means
	return seq
}

// seconds reads a header of whole seconds; 0 where it is missing.
func seconds(h http.Header, name string) time.Duration {
	n, err := strconv.ParseInt(h.Get(name), 10, 32)
	if err != nil || n < 0 {
		return 0
	}
	return time.Duration(n) * time.Second
}
