package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"
)

// Progress says how far a node has folded its log anew.
type Progress struct {
	Seq    uint64        // runs up to To
	To     uint64        //
	Events uint64        // folded so far, each heartbeat one
	Took   time.Duration // so far
}

// Comparison is what Verify found out about one view.
type Comparison struct {
	View    string `json:"view"` // current or history
	Seq     uint64 `json:"seq"`  // where it was compared
	Users   int    `json:"users"`
	Equal   bool   `json:"equal"`
	Digest  string `json:"digest"`            // of the view that was folded anew
	Live    string `json:"live"`              // of the live view
	Differs string `json:"differs,omitempty"` // the first user that differs; "": none
}

// ErrWork says that a node could not finish; its log says why.
var ErrWork = errors.New("the node could not finish")

// Verify makes the node fold its log anew and compare the outcome with its views. report, which may be nil, is called
// about four times a second. A Problem with CodeInProgress says that the node is at it already. Admins only.
func (c *Client) Verify(ctx context.Context, report func(Progress)) ([]Comparison, error) {
	return c.work(ctx, call{method: http.MethodPost, path: "/v1/verify"}, report)
}

// Rebuild makes the node fold its log anew and put the outcome in the place of a view: current or history, "" both. It
// goes on serving meanwhile. As Verify in all else.
func (c *Client) Rebuild(ctx context.Context, view string, report func(Progress)) error {
	query := url.Values{}
	if view != "" {
		query.Set("view", view)
	}
	_, err := c.work(ctx, call{method: http.MethodPost, path: "/v1/rebuild", query: query}, report)
	return err
}

// workLine is a line of progress, or the last one.
type workLine struct {
	Seq, To, Events uint64
	Seconds         float64

	Done  bool
	Error string
	Views []Comparison
}

// work reads lines of progress up to the last one.
func (c *Client) work(ctx context.Context, what call, report func(Progress)) ([]Comparison, error) {
	for data, err := range c.lines(ctx, what) {
		if err != nil {
			return nil, err
		}
		var line workLine
		if err := json.Unmarshal(data, &line); err != nil {
			return nil, fmt.Errorf("%w: %s %s: %w", ErrAnswer, what.method, what.path, err)
		}
		switch {
		case line.Error != "":
			return nil, fmt.Errorf("%w: %s", ErrWork, line.Error)
		case line.Done:
			return line.Views, nil
		case report != nil:
			report(Progress{Seq: line.Seq, To: line.To, Events: line.Events, Took: time.Duration(line.Seconds * float64(time.Second))})
		}
	}
	return nil, fmt.Errorf("%w: the answer broke off", ErrWork)
}
