package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os/exec"
	"time"
)

// pagePatience is how long a node may take to show its admin page.
const pagePatience = 5 * time.Second

// ownHTTP is a client that leaves no connection behind: it is for a node in this process.
func ownHTTP() *http.Client {
	return &http.Client{Timeout: pagePatience, Transport: &http.Transport{DisableKeepAlives: true}}
}

// hasPage says whether the node at addr was built with the admin page.
func hasPage(ctx context.Context, addr string) bool {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+addr+"/admin/", http.NoBody)
	if err != nil {
		return false
	}
	resp, err := ownHTTP().Do(req)
	if err != nil {
		return false
	}
	resp.Body.Close()
	return resp.StatusCode == http.StatusOK
}

// adminLink signs in by itself. What is behind # stays in the browser: no log has the token.
func adminLink(addr, token string) string { return "http://" + addr + "/admin/#token=" + token }

// errNoBrowser says that there is nothing to open a page with.
var errNoBrowser = errors.New("there is neither xdg-open nor open here")

// openBrowser opens url in the browser of whoever runs this.
func openBrowser(ctx context.Context, url string) error {
	for _, name := range []string{"xdg-open", "open"} {
		path, err := exec.LookPath(name)
		if err != nil {
			continue
		}
		opener := exec.CommandContext(ctx, path, url) //nolint:gosec // a browser, and our own page
		if err := opener.Start(); err != nil {
			return fmt.Errorf("starting %s: %w", name, err)
		}
		go func() { _ = opener.Wait() }() // how it went shows in the browser; the end of ctx ends it
		return nil
	}
	return errNoBrowser
}
