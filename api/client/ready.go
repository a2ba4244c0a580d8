package client

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// maxReadiness bounds what is read of a readiness answer, in bytes.
const maxReadiness = 64 << 10

// Readiness is what a node says about itself.
type Readiness struct {
	Ready bool
	Lines []string  // one a check: [+] what is well, or [-] what is not
	Date  time.Time // the node's clock in whole seconds; zero where it did not say
}

// Ready asks the node whether it can serve. A node that cannot is no error: Readiness says so.
func (c *Client) Ready(ctx context.Context) (Readiness, error) {
	req, err := c.request(ctx, http.MethodGet, "/readyz", url.Values{"verbose": {""}})
	if err != nil {
		return Readiness{}, err
	}
	req.Header.Set("Accept", "text/plain")
	resp, err := c.http.Do(req)
	if err != nil {
		return Readiness{}, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxReadiness))
	if err != nil {
		return Readiness{}, fmt.Errorf("reading the answer to /readyz: %w", err)
	}
	r := Readiness{Ready: resp.StatusCode == http.StatusOK}
	if !r.Ready && resp.StatusCode != http.StatusServiceUnavailable {
		return r, fmt.Errorf("%w: /readyz answered with status %d", ErrAnswer, resp.StatusCode)
	}
	for line := range strings.Lines(string(body)) {
		if line = strings.TrimSpace(line); strings.HasPrefix(line, "[") {
			r.Lines = append(r.Lines, line)
		}
	}
	r.Date, _ = http.ParseTime(resp.Header.Get("Date")) // zero is what a missing one means
	return r, nil
}
