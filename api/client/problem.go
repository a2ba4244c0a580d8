package client

import (
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"strings"
	"time"
)

// ErrAnswer says that a node answered something that the contract does not know: most often it is no Rollcall node.
var ErrAnswer = errors.New("the answer is not one of a Rollcall node")

// The codes that callers ask for most; the contract lists all.
const (
	CodeMissingToken     = "missing_token"
	CodeInvalidToken     = "invalid_token"
	CodeExpiredToken     = "expired_token"
	CodeNotAllowed       = "not_allowed"
	CodeInvalidParameter = "invalid_parameter"
	CodeUnknownUser      = "unknown_user"
	CodeNoOverride       = "no_override"
	CodeNotFound         = "not_found"
	CodeRateLimited      = "rate_limited"
	CodeViewBehind       = "view_behind"
	CodeInProgress       = "in_progress"
	CodeLogUnavailable   = "log_unavailable"
)

// Problem is a node's refusal of a call (RFC 9457).
type Problem struct {
	Type   string `json:"type"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	// Code is stable and meant for programs. It is empty where something before the node refused: a proxy, say.
	Code   string         `json:"code"`
	Detail string         `json:"detail"`
	Errors []FieldProblem `json:"errors,omitempty"` // of a validation

	// RetryAfter is how long to wait before the next try; zero where the node did not say.
	RetryAfter time.Duration `json:"-"`
}

// FieldProblem is what is wrong with one part of a request.
type FieldProblem struct {
	Location string `json:"location"`
	Message  string `json:"message"`
}

func (p *Problem) Error() string {
	text := p.Detail
	if text == "" {
		text = p.Title
	}
	text = strings.TrimSuffix(text, ".") // what follows belongs to the sentence
	before := ": "
	for _, e := range p.Errors {
		text += before + e.Location + ": " + e.Message
		before = "; "
	}
	if p.Code == "" {
		return fmt.Sprintf("%s (status %d)", text, p.Status)
	}
	return fmt.Sprintf("%s (%s)", text, p.Code)
}

// HasCode says whether err is a Problem with that code.
func HasCode(err error, code string) bool {
	var p *Problem
	return errors.As(err, &p) && p.Code == code
}

// readProblem makes the error of an answer that is no success.
func readProblem(resp *http.Response, body []byte) error {
	p := &Problem{}
	media, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	if media != "application/problem+json" || json.Unmarshal(body, p) != nil {
		*p = Problem{Title: http.StatusText(resp.StatusCode)}
	}
	if p.Title == "" {
		p.Title = "unexpected answer"
	}
	p.Status = resp.StatusCode
	p.RetryAfter = seconds(resp.Header, "Retry-After")
	return p
}
