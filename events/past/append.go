package past

import (
	"context"
	"fmt"
	"iter"
	"time"

	"github.com/rollcall-dev/rollcall/events"
)

// Config says how a file is appended. Log is needed.
type Config struct {
	Log     Log
	Live    iter.Seq[*events.User] // who has sessions at the end of the log; nil: nobody. It is read before anything is appended
	Timeout time.Duration          // after which silence ends a session, in the time of the file; 0: never, else at least a second
	Now     func() time.Time       // nil: time.Now
	Report  func(done, total int)  // called now and then, and with done = total when all is in the log; nil: not

	pause func(context.Context, time.Duration) error // waits; nil: pause
}

// Result says what an import did.
type Result struct {
	Rows     int    // the rows that it came to, in the order of time; all of them unless there is an error
	Events   int    // logins, logouts, and users of a user table
	Beats    int    // heartbeats
	Timeouts int    // sessions that fell silent
	Ignored  int    // rows that say nothing: a logout of somebody not online, a user never seen
	LastSeq  uint64 // the end of what was appended, 0: nothing was
}

// Append appends what the rows of f say, each at its own time and by the user it
// is about, and with Timeout the ends of the sessions that fell silent between
// them and until now. It returns when all of it is in the log.
//
// The log must hold nothing later than f.Earliest, and nobody else may append
// meanwhile: that is the caller's to see to. A logout of a session that is not
// live changes nothing and is left out, unless the file says nothing else of its
// user: then the first one makes him known. Rows of the last seconds are
// appended when they are ten seconds old, because an event that is younger gets
// the log's time.
//
// Errors are those of the log, or ctx's. Then a part of the file may be in the
// log; Result counts what is known to be. Of events, the rest cannot be brought
// in by another Append of the same file, for the log then holds later ones; a
// user table can be appended again.
func Append(ctx context.Context, cfg Config, f *File) (Result, error) {
	if cfg.Timeout != 0 && cfg.Timeout < time.Second {
		return Result{}, fmt.Errorf("a timeout of %v is too short: at least a second, or 0 for none", cfg.Timeout)
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Report == nil {
		cfg.Report = func(int, int) {}
	}
	if cfg.pause == nil {
		cfg.pause = pause
	}
	a := &appender{cfg: cfg, file: f, pipe: &pipeline{log: cfg.Log}, live: map[who]*session{}, heard: f.heard()}
	a.result.Ignored = f.Unseen
	a.begin()
	err := a.walk(ctx)
	if err != nil {
		a.pipe.count(ctx)
	}
	a.result.LastSeq = a.pipe.last.Seq
	return a.result, err
}

// appender is an import under way.
type appender struct {
	cfg    Config
	file   *File
	pipe   *pipeline
	live   map[who]*session
	quiet  silence
	turns  uint64        // signs of life so far
	heard  []bool        // row.user → is there more to say of him than logouts
	ripe   events.Millis // what happened up to here keeps its time
	result Result
}

// reportEvery is how many rows lie between two reports.
const reportEvery = 1000

// heard returns for each user whether a row says more of him than a logout.
func (f *File) heard() []bool {
	heard := make([]bool, len(f.users))
	for i := range f.rows {
		if f.rows[i].what != logout {
			heard[f.rows[i].user] = true
		}
	}
	return heard
}

func (a *appender) walk(ctx context.Context) error {
	total := a.file.Len()
	for i := range total {
		if i%reportEvery == 0 {
			a.cfg.Report(i, total)
			if err := ctx.Err(); err != nil {
				return fmt.Errorf("importing: %w", err)
			}
		}
		r := a.file.Row(i)
		if err := a.expire(ctx, r.At); err != nil {
			return err
		}
		if err := a.row(ctx, &a.file.rows[i], r); err != nil {
			return err
		}
		a.result.Rows = i + 1
	}
	if err := a.expire(ctx, events.MillisOf(a.cfg.Now())); err != nil {
		return err
	}
	if err := a.pipe.settle(ctx, a.pipe.sent); err != nil {
		return err
	}
	a.cfg.Report(total, total)
	return nil
}
