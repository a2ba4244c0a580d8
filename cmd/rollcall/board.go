package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/jedib0t/go-pretty/v6/text"
	"golang.org/x/term"

	"github.com/rollcall-dev/rollcall/api/client"
)

// redraw is how often a board is drawn at most.
const redraw = 250 * time.Millisecond

// board is who has which status, as a live stream tells it.
type board struct {
	status  string // to list; all lists everybody who is not offline
	mu      sync.Mutex
	users   map[string]client.Change // guarded by mu: user → the latest
	trouble string                   // guarded by mu: why users may be out of date; "": they are not
}

func newBoard(status string) *board {
	return &board{status: status, users: map[string]client.Change{}}
}

// take notes u. It returns the change where that puts a user on the list or takes one off it.
func (b *board) take(u client.Update) (moved client.Change, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch u := u.(type) {
	case client.Reset:
		clear(b.users)
	case client.Snapshot:
		for _, p := range u.Users {
			b.users[p.User] = client.Change{User: p.User, Status: p.Status, Since: p.Since, LastSeen: p.LastSeen}
		}
	case client.Change:
		if b.users[u.User] = u; u.Status == client.StatusOffline {
			delete(b.users, u.User)
		}
		return u, b.lists(u.Status) != b.lists(u.From)
	}
	return moved, false
}

// tell notes that the stream has broken off, or with "" that it goes on.
func (b *board) tell(trouble string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.trouble = trouble
}

func (b *board) lists(s client.Status) bool {
	return string(s) == b.status || b.status == "all" && s != client.StatusOffline
}

// draw is the board in height lines of at most width characters, those who came last first.
func (b *board) draw(now time.Time, width, height int, colored bool) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	count := map[client.Status]int{}
	var listed []client.Change
	for _, c := range b.users {
		count[c.Status]++
		if b.lists(c.Status) {
			listed = append(listed, c)
		}
	}
	slices.SortFunc(listed, func(x, y client.Change) int {
		if c := y.Since.Compare(x.Since); c != 0 {
			return c
		}
		return strings.Compare(x.User, y.User)
	})
	lines := []string{fmt.Sprintf("%d online   %d away   %d busy   at %s", count[client.StatusOnline], count[client.StatusAway],
		count[client.StatusBusy], now.Local().Format(time.TimeOnly)), printable(b.trouble)}
	for i, c := range listed {
		if len(lines) == height-1 && i < len(listed)-1 {
			lines = append(lines, fmt.Sprintf("and %d more", len(listed)-i))
			break
		}
		lines = append(lines, c.Since.Local().Format(time.TimeOnly)+"  "+paint("status", fmt.Sprint(c.Status), colored)+
			strings.Repeat(" ", max(1, 9-len(c.Status)))+printable(c.User))
	}
	for i, line := range lines {
		lines[i] = text.Trim(line, width)
	}
	return strings.Join(lines, "\n")
}

// watch shows the list as it changes until ctx ends: on a terminal it is drawn over and over, elsewhere those who come
// and go are printed.
func (q *onlineQuery) watch(ctx context.Context, p *program) error {
	if q.format != "table" && q.format != "ndjson" {
		return usagef("--watch has no end: leave --output out, or write ndjson")
	}
	if q.status == "offline" {
		return usagef("--watch shows who is there: --status is online, away, busy or all")
	}
	if q.limit != 0 {
		return usagef("--watch lists as many as the screen holds: leave --limit out")
	}
	b := newBoard(q.status)
	if q.format == "table" && p.drawable() {
		return q.redraw(ctx, p, b)
	}
	return q.follow(ctx, nil, p.sayTrouble, func(u client.Update) error {
		if s, ok := u.(client.Snapshot); ok && q.format == "ndjson" {
			return q.writeThose(p, s.Users, b)
		}
		if moved, ok := b.take(u); ok {
			return printUpdate(p, q.format, moved)
		}
		if _, ok := u.(client.Change); ok {
			return nil
		}
		return printUpdate(p, q.format, u)
	})
}

// drawable says whether standard output is a terminal on which lines can be drawn over.
func (p *program) drawable() bool { return terminal(p.stdout) && p.variable("TERM") != "dumb" }

// writeThose writes the users of a snapshot who are on the list.
func (q *onlineQuery) writeThose(p *program, users []client.Presence, b *board) error {
	b.take(client.Snapshot{Users: users})
	for _, u := range users {
		if !b.lists(u.Status) {
			continue
		}
		if err := json.NewEncoder(p.stdout).Encode(u); err != nil {
			return err
		}
	}
	return nil
}

// redraw draws b on the terminal every redraw.
func (q *onlineQuery) redraw(ctx context.Context, p *program, b *board) error {
	ctx, stop := context.WithCancel(ctx)
	var drawing sync.WaitGroup
	begun := make(chan struct{})
	begin := sync.OnceFunc(func() { close(begun) })
	drawing.Go(func() {
		select {
		case <-begun:
			b.paintUntil(ctx, p)
		case <-ctx.Done():
		}
	})
	err := q.follow(ctx, nil, b.tell, func(u client.Update) error {
		b.take(u)
		begin()
		return nil
	})
	stop()
	drawing.Wait()
	return err
}

// paintUntil draws on the screen that terminals keep for that, and gives the other one back in the end.
func (b *board) paintUntil(ctx context.Context, p *program) {
	fmt.Fprint(p.stdout, "\x1b[?1049h\x1b[?25l")
	defer fmt.Fprint(p.stdout, "\x1b[?25h\x1b[?1049l")
	tick := time.NewTicker(redraw)
	defer tick.Stop()
	for {
		width, height := size(p)
		// The last column stays free: in it a terminal keeps its cursor on the character that it has just written, and
		// erasing the rest of the line would take that along.
		drawn := strings.ReplaceAll(b.draw(time.Now(), width-1, height, p.colored()), "\n", "\x1b[K\r\n")
		fmt.Fprint(p.stdout, "\x1b[H"+drawn+"\x1b[K\x1b[J")
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// size is that of the terminal, or what one has at least.
func size(p *program) (width, height int) {
	if f, ok := p.stdout.(*os.File); ok {
		if w, h, err := term.GetSize(int(f.Fd())); err == nil && w > 0 && h > 2 {
			return w, h
		}
	}
	return 80, 24
}
