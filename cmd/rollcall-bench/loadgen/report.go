package loadgen

import (
	"errors"
	"fmt"
	"net/http"
	"time"
)

var (
	// ErrBelow says that a median ratio is lower than the one wanted.
	ErrBelow = errors.New("below the wanted ratio")
	// ErrUnacknowledged says that not every heartbeat was answered with 204.
	ErrUnacknowledged = errors.New("not every heartbeat was acknowledged")
)

// Report is what a Bench measured, and where.
type Report struct {
	Circumstances
	// Server is the URL of the node, where it was one that ran already.
	Server   string        `json:"server,omitempty"`
	Users    int           `json:"users"`
	Duration time.Duration `json:"duration_ns"`
	// Rate is the rate that was asked for; zero is as fast as possible.
	Rate   float64 `json:"asked_rate,omitempty"`
	Counts []Count `json:"counts"`
	// Rows hold the medians against what is wanted of a node.
	Rows []Row `json:"rows"`
}

// Count is the comparison with one number of connections.
type Count struct {
	Connections int     `json:"connections"`
	Rounds      []Round `json:"rounds"`
	Ratio       float64 `json:"ratio"` // median of the rounds, as the next two
	CPURatio    float64 `json:"cpu_ratio"`
	P99Ratio    float64 `json:"p99_ratio"`
	Wanted      float64 `json:"wanted,omitempty"` // zero is any
}

func newCount(connections int, rounds []Round, wanted float64) Count {
	return Count{
		Connections: connections, Rounds: rounds, Wanted: wanted,
		Ratio:    medianOf(rounds, func(r Round) float64 { return r.Ratio }),
		CPURatio: medianOf(rounds, func(r Round) float64 { return r.CPURatio }),
		P99Ratio: medianOf(rounds, func(r Round) float64 { return r.P99Ratio }),
	}
}

func newReport(b Bench, at Circumstances) Report {
	return Report{
		Circumstances: at,
		Server:        b.Server, Users: b.Users, Duration: b.Duration, Rate: b.Rate,
	}
}

// Below returns an ErrBelow for each number of connections whose median ratio is lower than wanted, joined; nil for none.
func (r Report) Below() error {
	var errs []error
	for _, c := range r.Counts {
		if c.Ratio < c.Wanted {
			errs = append(errs, fmt.Errorf("%w: %.3f at %d connections, wanted %.3f", ErrBelow, c.Ratio, c.Connections, c.Wanted))
		}
	}
	return errors.Join(errs...)
}

// Unacknowledged returns an ErrUnacknowledged for each run, of the node or the baseline, in which an exchange did not
// end with 204, joined; nil for none.
func (r Report) Unacknowledged() error {
	var errs []error
	for _, c := range r.Counts {
		for i, round := range c.Rounds {
			errs = append(errs, unacknowledged("baseline", i, round.Baseline), unacknowledged("node", i, round.Node))
		}
	}
	return errors.Join(errs...)
}

func unacknowledged(name string, round int, r Result) error {
	if r.Other(http.StatusNoContent) == 0 {
		return nil
	}
	return fmt.Errorf("%w: %s, %d connections, round %d: answers by status (0 is none): %v",
		ErrUnacknowledged, name, r.Connections, round+1, r.Statuses)
}
