package api

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Check is one thing that must be well for the node to be ready.
type Check struct {
	Name string
	// Probe returns what there is to say, which may be nothing, or why the node is not ready. It ends with ctx. Both
	// are shown to anybody who asks.
	Probe func(ctx context.Context) (detail string, err error)
}

// probeTime bounds all checks together.
const probeTime = 2 * time.Second

// live answers as long as the process does.
func (a *API) live(q request) (int, error) { return writeText(q.w, http.StatusOK, "ok\n"), nil }

// ready says whether the node should get requests; with ?verbose, why.
func (a *API) ready(q request) (int, error) {
	ctx, cancel := context.WithTimeout(q.r.Context(), probeTime)
	defer cancel()
	status, lines := http.StatusOK, new(strings.Builder)
	for _, c := range append(a.ownChecks(), a.cfg.Checks...) {
		detail, err := c.Probe(ctx)
		if err != nil {
			status = http.StatusServiceUnavailable
			lines.WriteString("[-]" + c.Name + ": " + oneLine(err.Error()) + "\n")
			continue
		}
		lines.WriteString(strings.TrimRight("[+]"+c.Name+" ok "+oneLine(detail), " ") + "\n")
	}
	verdict := "ready\n"
	if status != http.StatusOK {
		verdict = "not ready\n"
	}
	if q.r.URL.Query().Has("verbose") {
		verdict = lines.String() + verdict
	}
	return writeText(q.w, status, verdict), nil
}

// Starting answers for a node whose API is not there yet: /livez as always, /readyz with what is under way, which
// progress tells, and everything else with 503, log_unavailable.
func Starting(progress func() string) http.Handler {
	refuse := []byte(`{"type":"/problems/log_unavailable","title":"` + kinds[logUnavailable].title +
		`","status":503,"code":"log_unavailable","detail":"The node is starting; nothing was stored."}` + "\n")
	return Bounded(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Retry-After", strconv.Itoa(kinds[logUnavailable].retry))
		switch strings.TrimSuffix(r.URL.Path, "/") {
		case "/livez":
			h.Del("Retry-After")
			writeText(w, http.StatusOK, "ok\n")
		case "/readyz":
			writeText(w, http.StatusServiceUnavailable, "[-]starting: "+oneLine(progress())+"\nnot ready\n")
		default:
			h.Set("Content-Type", typeProblem)
			secure(h)
			w.WriteHeader(http.StatusServiceUnavailable)
			write(w, refuse)
		}
	}))
}

// Crowded answers for a node that has no connection left for this client: 429, rate_limited.
func Crowded(w http.ResponseWriter) {
	h := w.Header()
	h.Set("Retry-After", "5")
	h.Set("Content-Type", typeProblem)
	secure(h)
	w.WriteHeader(http.StatusTooManyRequests)
	write(w, []byte(`{"type":"/problems/rate_limited","title":"`+kinds[rateLimited].title+
		`","status":429,"code":"rate_limited","detail":"The node has too many connections; nothing was stored."}`+"\n"))
}

func (a *API) ownChecks() []Check {
	return []Check{
		{Name: "accepting", Probe: func(context.Context) (string, error) {
			if a.draining.Load() || a.leaving.Load() {
				return "", errDraining
			}
			return "", nil
		}},
		{Name: "auth", Probe: func(context.Context) (string, error) { return "", a.authReady() }},
	}
}

// authReady is Ready, for a line that says already whose it is.
func (a *API) authReady() error {
	if err := a.cfg.Auth.Ready(); err != nil {
		return errors.New(strings.TrimPrefix(err.Error(), "auth: ")) //nolint:err113 // for the eye alone
	}
	return nil
}

// oneLine keeps what a check says on its line.
func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

func writeText(w http.ResponseWriter, status int, text string) int {
	h := w.Header()
	h.Set("Content-Type", typeText)
	secure(h)
	w.WriteHeader(status)
	write(w, []byte(text))
	return status
}
