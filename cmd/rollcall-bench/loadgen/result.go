package loadgen

import (
	"net/http"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

const (
	// statusLimit is above every HTTP status.
	statusLimit = 600
	// longest is the largest latency that is told apart from larger ones.
	longest = 10 * time.Minute
	// figures is how exact a latency is: two significant figures keep a histogram for each connection at 24 kB.
	figures = 2
)

// Result is what one run measured.
type Result struct {
	Connections int           `json:"connections"`
	Duration    time.Duration `json:"duration_ns"` // the measured time
	// Requests were answered with a 2xx in the measured time.
	Requests int64 `json:"requests"`
	// Rate is Requests a second.
	Rate float64 `json:"rate"`
	// Statuses counts every exchange of the run by the status of its answer, those before and after the measured time too.
	// Under 0 are those that got none: the connection was lost or could not be opened.
	Statuses map[int]int64 `json:"statuses"` // status → exchanges
	// Unsent were due in the measured time of a run with a rate, and never sent because the server was that far behind.
	// They are in no percentile.
	Unsent int64 `json:"unsent"`

	// Latencies of the 2xx to requests that were due in the measured time, to two significant figures. A request is due when
	// it is sent, or when Config.Rate says. Zero where there was none.
	P50  time.Duration `json:"p50_ns"`
	P90  time.Duration `json:"p90_ns"`
	P99  time.Duration `json:"p99_ns"`
	P999 time.Duration `json:"p999_ns"`
	Max  time.Duration `json:"max_ns"`

	// CPU time spent in the measured time by this process and by Config.ServerPID; zero where it cannot be told.
	GeneratorCPU time.Duration `json:"generator_cpu_ns"`
	ServerCPU    time.Duration `json:"server_cpu_ns"`
}

// Other is how many exchanges of the run ended with anything but status, lost connections among them.
func (r Result) Other(status int) int64 {
	var n int64
	for s, count := range r.Statuses {
		if s != status {
			n += count
		}
	}
	return n
}

// CPUEach is the server's CPU time a request; zero where it cannot be told.
func (r Result) CPUEach() time.Duration {
	if r.Requests == 0 {
		return 0
	}
	return r.ServerCPU / time.Duration(r.Requests)
}

// tally is what one connection has counted. Each has its own, so that they share no cache line.
type tally struct {
	answered int64              // 2xx in the measured time
	unsent   int64              // due in the measured time, never sent
	statuses [statusLimit]int64 // status → exchanges
	latency  *hdrhistogram.Histogram
}

func newTally() tally {
	return tally{latency: hdrhistogram.New(1, longest.Microseconds(), figures)}
}

// record counts an exchange that was due at due and done at done, both on the clock of the run.
func (t *tally) record(measured window, status int, due, done time.Duration) {
	t.statuses[status]++
	if status < http.StatusOK || status >= http.StatusMultipleChoices {
		return
	}
	if done >= measured.from && done < measured.to {
		t.answered++
	}
	if due >= measured.from {
		_ = t.latency.RecordValue(min(done-due, longest).Microseconds()) // fails only above longest
	}
}

// sum puts the tallies of all connections together.
func sum(cfg Config, conns []*connection, used spent) Result {
	r := Result{
		Connections: cfg.Connections, Duration: cfg.Duration, Statuses: make(map[int]int64),
		GeneratorCPU: used.generator, ServerCPU: used.server,
	}
	all := newTally().latency
	for _, c := range conns {
		r.Requests += c.tally.answered
		r.Unsent += c.tally.unsent
		all.Merge(c.tally.latency)
		for status, n := range c.tally.statuses {
			if n > 0 {
				r.Statuses[status] += n
			}
		}
	}
	r.Rate = float64(r.Requests) / cfg.Duration.Seconds()
	r.setLatencies(all)
	return r
}

func (r *Result) setLatencies(h *hdrhistogram.Histogram) {
	if h.TotalCount() == 0 {
		return
	}
	at := func(percent float64) time.Duration {
		return time.Duration(h.ValueAtPercentile(percent)) * time.Microsecond
	}
	r.P50, r.P90, r.P99, r.P999 = at(50), at(90), at(99), at(99.9)
	r.Max = time.Duration(h.Max()) * time.Microsecond
}
