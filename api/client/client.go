package client

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
)

const defaultTimeout = 30 * time.Second

// Config says which node is asked, and as whom.
type Config struct {
	// Server is the http or https URL of a node, or of the balancer before many; a path before /v1 is kept.
	Server string
	// Token is the bearer token that every call carries, without the spaces and line ends around it. Empty: none, which the node refuses for most calls.
	Token string
	// TokenSource gives the token of each call, in the place of Token, so that a new one can follow one that expires. It
	// must be safe for concurrent use and should keep a token while it is good. Its error fails the call. Nil: Token.
	TokenSource func(context.Context) (string, error)
	// HTTPClient sends the calls. Nil: one that gives a call 30 s. Redirects are never followed: the contract has none,
	// and a token must not travel on.
	HTTPClient *http.Client
	// UserAgent names the caller in the node's log. Empty: rollcall-client.
	UserAgent string
}

// Client asks one node. It is safe for concurrent use; there is nothing to close.
type Client struct {
	base  string // without a slash at its end
	token func(context.Context) (string, error)
	agent string
	http  http.Client
}

// ErrServer says that Config.Server is no http or https URL.
var ErrServer = errors.New("the server must be an http or https URL, like http://127.0.0.1:8080")

// ErrUser says that a user cannot be named in a call: its id is empty.
var ErrUser = errors.New("the id of a user is empty")

// ErrToken says that Config.TokenSource had no token for a call.
var ErrToken = errors.New("getting a token")

// New returns a client, or ErrServer. It sends nothing.
func New(c Config) (*Client, error) {
	u, err := url.Parse(c.Server)
	if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return nil, ErrServer
	}
	client := &Client{base: strings.TrimRight(u.String(), "/"), token: c.TokenSource, agent: c.UserAgent}
	if client.token == nil {
		client.token = func(context.Context) (string, error) { return c.Token, nil }
	}
	if client.agent == "" {
		client.agent = "rollcall-client"
	}
	if c.HTTPClient != nil {
		client.http = *c.HTTPClient
	} else {
		client.http.Timeout = defaultTimeout
	}
	client.http.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return client, nil
}

// Server is the URL that calls go to.
func (c *Client) Server() string { return c.base }

// request builds a call without a body. It returns ErrUser for a path in which an id is missing: without it, it is
// another one.
func (c *Client) request(ctx context.Context, method, path string, query url.Values) (*http.Request, error) {
	if strings.HasSuffix(path, "/") || strings.Contains(path, "//") {
		return nil, ErrUser
	}
	target := c.base + path
	if len(query) > 0 {
		target += "?" + query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, method, target, http.NoBody)
	if err != nil {
		return nil, fmt.Errorf("building the call %s %s: %w", method, path, err)
	}
	token, err := c.token(ctx)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrToken, err)
	}
	if token = strings.TrimSpace(token); token != "" { // a file of it ends with a line end, which no header may have
		req.Header.Set("Authorization", "Bearer "+token)
	}
	req.Header.Set("Accept", "application/json, application/problem+json")
	req.Header.Set("User-Agent", c.agent)
	return req, nil
}

// segment encodes an id as one segment of a path. Dots are encoded too, so that the ids "." and ".." survive every
// cleaner of paths on the way.
func segment(id string) string {
	return strings.ReplaceAll(url.PathEscape(id), ".", "%2E")
}
