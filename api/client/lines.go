package client

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
)

const (
	ndjson = "application/x-ndjson"
	// maxLine bounds one line of an answer, in bytes.
	maxLine = 4 << 20
)

// lines makes a call and yields the lines of its answer that are not empty, until the last one or an error, which ends
// it. It may take as long as it likes: ctx bounds it. A line is good until the next.
func (c *Client) lines(ctx context.Context, what call) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		body, err := c.open(ctx, what)
		if err != nil {
			yield(nil, err)
			return
		}
		defer body.Close()
		scanner := bufio.NewScanner(body)
		scanner.Buffer(nil, maxLine)
		for scanner.Scan() {
			if len(scanner.Bytes()) > 0 && !yield(scanner.Bytes(), nil) {
				return
			}
		}
		if err := scanner.Err(); err != nil {
			if errors.Is(err, bufio.ErrTooLong) {
				err = fmt.Errorf("%w: %w", ErrAnswer, err)
			}
			yield(nil, fmt.Errorf("reading the answer to %s %s: %w", what.method, what.path, err))
		}
	}
}

// open makes a call and returns the body of its answer, which the caller closes.
func (c *Client) open(ctx context.Context, what call) (io.ReadCloser, error) {
	req, err := c.request(ctx, what.method, what.path, what.query)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", ndjson+", application/problem+json")
	patient := c.http
	patient.Timeout = 0 // it would cut the answer off
	resp, err := patient.Do(req)
	if err != nil {
		return nil, err // a *url.Error: it names the call already
	}
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		defer resp.Body.Close()
		body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
		if err != nil {
			return nil, fmt.Errorf("reading the answer to %s %s: %w", what.method, what.path, err)
		}
		return nil, readProblem(resp, body)
	}
	return resp.Body, nil
}
