package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/rollcall-dev/rollcall/embedded"
	"github.com/rollcall-dev/rollcall/events"
	"github.com/rollcall-dev/rollcall/events/past"
)

// importing is what the flags of import say.
type importing struct {
	output
	store    store
	progress progress
	timeout  time.Duration // 0: off
	skipBad  bool
}

func newImportCommand(p *program) *cobra.Command {
	var i importing
	cmd := &cobra.Command{
		Use:   "import [FILE]",
		Short: "Bring events of the past into a log, each with its own time",
		Long: `Reads a file of past events and appends them to the log of --data-dir, or of --nats-url, each with its own time. The file
is CSV with a header at,user,event[,session], or a JSON object of these fields a line; event is login, logout or
heartbeat, or join, leave or say for the same. A user table with a header id,online_status,last_seen will do as well. A
name that ends in .gz is unpacked; - or no name is standard input.

All of the file is read before anything is written. Exits with 1, and has written nothing, where a row is bad, unless
--skip-bad leaves those out; and where the log holds events later than the first of the file. With --timeout a session
is offline that is silent for so long, as a node would have it; without, a login holds until its logout.`,
		Example: `  rollcall import channel.csv.gz --data-dir past
  rollcall import events.ndjson --timeout 2m --skip-bad
  psql -c "\copy (select id, online_status, last_seen from users) to stdout csv header" | rollcall import -`,
		Args: takesFile,
		RunE: func(cmd *cobra.Command, args []string) error { return i.run(cmd.Context(), p, args) },
	}
	cmd.Flags().Var(&silence{&i.timeout}, "timeout", "silence in the file after which a session is offline, or off")
	cmd.Flags().BoolVar(&i.skipBad, "skip-bad", false, "leave bad rows out, and name them, instead of writing nothing")
	i.store.declare(cmd)
	i.progress.declare(cmd)
	i.declare(cmd)
	return cmd
}

func takesFile(_ *cobra.Command, args []string) error {
	if len(args) > 1 {
		return usagef("%q is one argument too many", args[1])
	}
	return nil
}

func (i *importing) run(ctx context.Context, p *program, args []string) error {
	if i.timeout != 0 && i.timeout < time.Second {
		return usagef("--timeout %s is too short: give 1s at least, or off", i.timeout)
	}
	if err := i.store.check(); err != nil {
		return err
	}
	file, err := i.read(p, args)
	if err != nil {
		return i.explain(err)
	}
	for _, bad := range file.Bad {
		p.say("left out: %v", bad)
	}
	if kept := i.store.config.auditRetention; file.Len() > 0 && time.Since(file.Earliest().Time()) > kept {
		p.say("the file begins at %s: a node whose --audit-retention is %s forgets what is older than that, so give it a longer one", file.Earliest(), brief(kept))
	}
	done, err := i.append(ctx, p, file)
	if err != nil {
		return i.explain(err)
	}
	return printOne(p, i.output, importedColumns, done)
}

// read reads the file that args name, or standard input.
func (i *importing) read(p *program, args []string) (*past.File, error) {
	from := p.stdin
	name := "standard input"
	if len(args) == 1 && args[0] != "-" {
		f, err := os.Open(args[0])
		if err != nil {
			return nil, err
		}
		defer f.Close()
		from, name = f, args[0]
	}
	return past.Read(from, name, past.ReadOptions{SkipBad: i.skipBad})
}

func (i *importing) append(ctx context.Context, p *program, file *past.File) (done imported, err error) {
	began := time.Now()
	m := i.progress.meter(p, "importing")
	defer m.done()
	cfg := past.Config{Timeout: i.timeout, Report: func(rows, total int) {
		m.report(step{done: uint64(rows), total: uint64(total), events: uint64(rows), took: time.Since(began)})
	}}
	var half *halfDone
	err = i.store.with(ctx, p, func(ctx context.Context, d *embedded.Deployment) error {
		_, before, err := d.Log().Bounds(ctx)
		if err != nil {
			return err
		}
		r, err := d.Import(ctx, file, cfg)
		done = imported{
			Rows: file.Len(), Events: r.Events, Heartbeats: r.Beats, Timeouts: r.Timeouts, Ignored: r.Ignored, Bad: len(file.Bad),
			Seq: r.LastSeq, Seconds: time.Since(began).Seconds(),
		}
		if err != nil && done.written() > 0 {
			half = &halfDone{cause: err, rows: r.Rows, fresh: before == 0}
		}
		return err
	})
	switch {
	case half != nil:
		return done, i.explainHalf(ctx, file, done, half)
	case err != nil && ctx.Err() != nil:
		return done, errors.New("interrupted before anything was imported: import the file again")
	}
	return done, err
}

// halfDone is an import that ended with a part of the file in the log.
type halfDone struct {
	cause error
	rows  int  // that it came to
	fresh bool // the log held nothing before
}

// explainHalf says how far it came and what to do: a log that holds events later than the first of a file takes that file
// no more.
func (i *importing) explainHalf(ctx context.Context, file *past.File, done imported, half *halfDone) error {
	how := "the import was interrupted"
	if ctx.Err() == nil {
		how = half.cause.Error()
	}
	return fmt.Errorf("%s: it came to row %d of %d, and %s in the log: %s", how, half.rows, done.Rows, counted(done.written(), "event is", "events are"), i.undo(file, half.fresh))
}

// undo is what to do about half an import.
func (i *importing) undo(file *past.File, fresh bool) string {
	dir := i.store.config.dataDir
	switch {
	case file.Kind == past.KindUsers:
		return "import the same file again, which changes nothing about users who are in it already"
	case !fresh:
		return "put back a copy of the log and of " + dir + " from before the import, and begin again"
	case i.store.external():
		return fmt.Sprintf("remove the streams %s and %s and the directory %s, and begin again", events.StreamHot, events.StreamArchive, dir)
	}
	return "remove the directory " + dir + " and begin again"
}

// explain says of every bad row where it is, and adds what to do.
func (i *importing) explain(err error) error {
	var bad *past.BadRowsError
	if !errors.As(err, &bad) {
		return err
	}
	errs := []error{}
	for _, row := range bad.First {
		errs = append(errs, row)
	}
	return errors.Join(append(errs, fmt.Errorf("nothing was imported: %d bad rows; put them right, or leave them out with --skip-bad", bad.Count))...)
}

// imported is what an import did.
type imported struct {
	Rows       int     `json:"rows"` // good ones of the file
	Events     int     `json:"events"`
	Heartbeats int     `json:"heartbeats"`
	Timeouts   int     `json:"timeouts"`
	Ignored    int     `json:"ignored"` // rows that say nothing
	Bad        int     `json:"bad"`     // rows left out
	Seq        uint64  `json:"seq"`     // the end of what was appended, 0: nothing was
	Seconds    float64 `json:"seconds"`
}

// written is how many events are known to be in the log.
func (i imported) written() int { return i.Events + i.Heartbeats + i.Timeouts }

var importedColumns = []column[imported]{
	{"rows", func(i imported) string { return strconv.Itoa(i.Rows) }},
	{"events", func(i imported) string { return strconv.Itoa(i.Events) }},
	{"heartbeats", func(i imported) string { return strconv.Itoa(i.Heartbeats) }},
	{"timeouts", func(i imported) string { return strconv.Itoa(i.Timeouts) }},
	{"ignored", func(i imported) string { return strconv.Itoa(i.Ignored) }},
	{"bad", func(i imported) string { return strconv.Itoa(i.Bad) }},
	{"seq", func(i imported) string { return strconv.FormatUint(i.Seq, 10) }},
	{"seconds", func(i imported) string { return strconv.FormatFloat(i.Seconds, 'f', 1, 64) }},
}

// silence is a flag that holds a timeout, or off.
type silence struct{ value *time.Duration }

func (s *silence) Set(text string) error {
	if text == "off" {
		*s.value = 0
		return nil
	}
	d, err := time.ParseDuration(text)
	if err != nil || d <= 0 {
		return errors.New("write off, or a duration like 2m")
	}
	*s.value = d
	return nil
}

func (s *silence) String() string {
	if s.value == nil || *s.value == 0 {
		return "off"
	}
	return brief(*s.value)
}

func (*silence) Type() string { return "off|duration" }
