package client

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"mime"
	"net/http"
	"time"
)

const (
	eventStream = "text/event-stream"
	// watchSilence is how long a node may say nothing before the connection counts as dead: three of its comments.
	watchSilence = 45 * time.Second
	// watchPause is the first pause before a reconnect, where the node asked for none, and watchPauseMost the longest.
	watchPause     = 2 * time.Second
	watchPauseMost = 30 * time.Second
	// maxMessage bounds one line of the stream, in bytes.
	maxMessage = 16 << 20
)

var (
	errSilent = errors.New("the node was silent for too long")
	errEnded  = errors.New("the node ended the stream")
)

// connection follows the stream for as long as one connection lasts, and returns why it ended.
func (w *watching) connection(ctx context.Context) error {
	ctx, cut := context.WithCancelCause(ctx)
	defer cut(nil)
	alive := time.AfterFunc(watchSilence, func() { cut(errSilent) })
	defer alive.Stop()
	body, err := w.open(ctx)
	if err != nil {
		return because(ctx, err)
	}
	defer body.Close()
	if w.o.Connected != nil {
		w.o.Connected()
	}
	w.users, w.changes = nil, w.changes[:0]
	lines := bufio.NewScanner(body)
	lines.Buffer(nil, maxMessage)
	lines.Split(sseLines())
	var parser sseParser
	for lines.Scan() {
		w.pause.tries = 0
		alive.Stop() // until the next line is waited for: who watches may take its time
		m, ok := parser.line(lines.Bytes())
		w.pause.asked(parser.retry)
		if ok {
			if err := w.take(m); err != nil || w.left {
				return err
			}
		}
		alive.Reset(watchSilence)
	}
	if err := lines.Err(); err != nil {
		return because(ctx, tooLong(err))
	}
	return errEnded
}

// because says why ctx was cut, where that is what made err.
func because(ctx context.Context, err error) error {
	if errors.Is(context.Cause(ctx), errSilent) {
		return errSilent
	}
	return err
}

func tooLong(err error) error {
	if errors.Is(err, bufio.ErrTooLong) {
		return fmt.Errorf("%w: a message of the live stream is too long", ErrAnswer)
	}
	return fmt.Errorf("reading the live stream: %w", err)
}

// open asks for the stream from place on and returns its body, which the caller closes.
func (w *watching) open(ctx context.Context) (io.ReadCloser, error) {
	req, err := w.c.request(ctx, http.MethodGet, "/v1/stream", w.query())
	if err != nil {
		return nil, err
	}
	w.token = req.Header.Get("Authorization")
	req.Header.Set("Accept", eventStream+", application/problem+json")
	if w.place != "" {
		req.Header.Set("Last-Event-ID", w.place)
	}
	patient := w.c.http
	patient.Timeout = 0 // it would cut the stream off
	resp, err := patient.Do(req)
	if err != nil {
		return nil, err // a *url.Error: it names the call already
	}
	media, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	if resp.StatusCode == http.StatusOK && media == eventStream {
		return resp.Body, nil
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	switch {
	case err != nil:
		return nil, fmt.Errorf("reading the answer to GET /v1/stream: %w", err)
	case resp.StatusCode == http.StatusOK:
		return nil, fmt.Errorf("%w: GET /v1/stream answered with %q", ErrAnswer, media)
	}
	return nil, readProblem(resp, body)
}

// pause counts tries in vain and makes the waits between them.
type pause struct {
	first time.Duration // zero: watchPause
	tries int           // since the node sent something, if only a comment
}

// asked takes what a node wants the first pause to be; zero changes nothing.
func (p *pause) asked(first time.Duration) {
	if first > 0 {
		p.first = min(first, watchPauseMost)
	}
}

// next is twice as long as the one before, at most watchPauseMost, and anything from half of that on, so that clients
// that were cut off together do not come back together. A node that says Retry-After is not asked earlier.
func (p *pause) next(err error) time.Duration {
	wait := p.first
	if wait == 0 {
		wait = watchPause
	}
	wait = min(wait<<min(p.tries, 16), watchPauseMost)
	p.tries++
	wait = wait/2 + rand.N(wait/2+1)
	var problem *Problem
	if errors.As(err, &problem) {
		wait = max(wait, problem.RetryAfter)
	}
	return wait
}

// waitFor says whether d passed before ctx ended.
func waitFor(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
