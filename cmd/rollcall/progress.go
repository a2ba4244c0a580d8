package main

import (
	"fmt"
	"io"
	"time"

	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"
)

// progressEvery lies between two plain lines.
const progressEvery = 3 * time.Second

// progress is the flag --progress.
type progress struct{ mode string }

func (g *progress) declare(cmd *cobra.Command) {
	declareChoice(cmd, &g.mode, "progress", "", "how progress is told; auto is a bar on a terminal, else a line now and then", "auto", "plain", "none")
}

// step is how far something long is.
type step struct {
	done, total uint64        // sequences, or rows
	events      uint64        // so far
	took        time.Duration // so far
}

// rate is events a second, 0 where it is too early to tell.
func (s step) rate() float64 {
	if s.took <= 0 {
		return 0
	}
	return float64(s.events) / s.took.Seconds()
}

// left is about how long it will take, 0 where it is too early to tell.
func (s step) left() time.Duration {
	if s.done == 0 || s.done >= s.total {
		return 0
	}
	return time.Duration(float64(s.took) * float64(s.total-s.done) / float64(s.done))
}

// meter tells progress on standard error. It is used from one goroutine at a time.
type meter struct {
	w    io.Writer
	what string
	bar  *progressbar.ProgressBar // nil: plain lines
	mute bool
	told time.Duration // when the last plain line was
}

// meter returns one for something called what. Its done must be called.
func (g progress) meter(p *program, what string) *meter {
	m := &meter{w: p.stderr, what: what, mute: g.mode == "none"}
	if g.mode == "auto" && terminal(p.stderr) {
		m.bar = newBar(p.stderr, what)
	}
	return m
}

func newBar(w io.Writer, what string) *progressbar.ProgressBar {
	return progressbar.NewOptions64(1, progressbar.OptionSetWriter(w), progressbar.OptionSetDescription(what), progressbar.OptionSetWidth(24),
		progressbar.OptionSetPredictTime(true), progressbar.OptionSetElapsedTime(true), progressbar.OptionThrottle(100*time.Millisecond),
		progressbar.OptionClearOnFinish(), progressbar.OptionSetRenderBlankState(true))
}

// report tells s, or nothing where that would be too often.
func (m *meter) report(s step) {
	switch {
	case m.mute:
	case m.bar != nil:
		m.bar.ChangeMax64(int64(max(s.total, s.done, 1)))
		m.bar.Describe(fmt.Sprintf("%s, %.0f events/s", m.what, s.rate()))
		_ = m.bar.Set64(int64(s.done)) // a bar that cannot be drawn is no reason to stop
	case s.took-m.told >= progressEvery:
		m.told = s.took
		fmt.Fprintf(m.w, "rollcall: %s: %d of %d, %.0f events/s, %s left\n", m.what, s.done, s.total, s.rate(), s.left().Round(time.Second))
	}
}

// done clears the bar away.
func (m *meter) done() {
	if m.bar != nil {
		_ = m.bar.Clear()
	}
}
