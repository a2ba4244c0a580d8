package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/rollcall-dev/rollcall/embedded"
	"github.com/rollcall-dev/rollcall/events"
	"github.com/rollcall-dev/rollcall/events/journal"
)

// namedEvents is how many events doctor names that cannot be decoded.
const namedEvents = 20

// farBehind is how old what a view has not read yet may be.
const farBehind = 10 * time.Second

// keepsUndecodable is what to do about such an event, wherever it was found.
const keepsUndecodable = "nothing is lost: it stays in the log; upgrade rollcall if a newer one wrote it, then run `rollcall rebuild`"

// examineLog opens the log and its views, where there are any and no node works on them.
func (d *doctor) examineLog(ctx context.Context, p *program) []finding {
	s := store{config: d.config}
	s.config.logLevel = "error" // what matters of the rest is among the findings
	if s.check() != nil {
		return []finding{skipped("log", "see configuration")}
	}
	if s.filled() != nil {
		return []finding{skipped("log", "there is none in %s yet", d.config.dataDir)}
	}
	var found []finding
	err := s.with(ctx, p, func(ctx context.Context, log *embedded.Deployment) error {
		var err error
		found, err = d.examineDeployment(ctx, log)
		return err
	})
	if errors.Is(err, embedded.ErrStoreHeld) {
		return []finding{skipped("log", "a node is at work on %s: ask it with --server", d.config.dataDir)}
	}
	if err != nil {
		found = append(found, of("log", err, "", "a node would not start either: see what the error says, and whether --data-dir or --nats-url is right"))
	}
	return found
}

func (d *doctor) examineDeployment(ctx context.Context, log *embedded.Deployment) ([]finding, error) {
	first, last, err := log.Log().Bounds(ctx)
	if err != nil {
		return nil, err
	}
	found := []finding{
		{Check: "log", Result: resultOK, Detail: fmt.Sprintf("sequences %d to %d", first, last)},
		examineView(log),
	}
	streams, err := d.examineStreams(ctx, log)
	if err != nil {
		return found, err
	}
	undecodable, err := examineEvents(ctx, log)
	return append(append(found, streams...), undecodable...), err
}

// examineView says how far the views are. They have caught up once when the log was opened.
func examineView(log *embedded.Deployment) finding {
	stats := log.Current().Stats()
	f := finding{Check: "views", Result: resultOK,
		Detail: fmt.Sprintf("current at sequence %d with %d users, history at %d", stats.Seq, stats.Users, log.History().Seq())}
	if stats.Lag > farBehind {
		f.Result, f.Fix = resultWarning, "see whether this machine can keep up with the log"
		f.Detail += fmt.Sprintf(", %s behind", stats.Lag.Round(time.Second))
	}
	return f
}

// examineStreams holds what the streams are set to against the flags.
func (d *doctor) examineStreams(ctx context.Context, log *embedded.Deployment) (found []finding, err error) {
	for _, name := range []string{events.StreamHot, events.StreamArchive} {
		info, err := log.Log().StreamInfo(ctx, name)
		if err != nil {
			return found, err
		}
		have := info.Config
		kept := "until it is archived and " + brief(d.config.hotRetention) + " old"
		if name == events.StreamArchive {
			kept = brief(have.MaxAge)
		}
		f := finding{Check: "stream", Result: resultOK, Detail: fmt.Sprintf("%s keeps what is there %s, replicas: %d", name, kept, have.Replicas)}
		if want := d.config.auditRetention; name == events.StreamArchive && have.MaxAge != want {
			f.Result, f.Fix = resultWarning, fmt.Sprintf("--audit-retention is %s: give %s, or set the stream to it", brief(want), brief(have.MaxAge))
		}
		found = append(found, f)
		for _, said := range journal.Concerns(info, d.wanted(log)) {
			what, fix, _ := strings.Cut(said, ": ")
			found = append(found, finding{"stream", resultWarning, what, fix})
		}
	}
	return found, nil
}

// wanted is what the streams are to be like.
func (d *doctor) wanted(log *embedded.Deployment) journal.Wanted {
	if d.config.replicas != 0 {
		return journal.Wanted{Replicas: d.config.replicas}
	}
	if d.config.natsURL == "" && d.config.natsContext == "" {
		return journal.Wanted{}
	}
	return journal.WantedAt(log.Log().Conn())
}

// examineEvents names the events that no view could read. The views count them; where there are any, the log is read
// once more to find them: what the views have read before they were opened here, they do not know any more.
func examineEvents(ctx context.Context, log *embedded.Deployment) ([]finding, error) {
	counted := log.Current().Stats().Undecodable
	if counted == 0 {
		return []finding{{Check: "events", Result: resultOK, Detail: "all could be decoded"}}, nil
	}
	var found []finding
	look := func(batch []journal.Record) error {
		for i := range batch {
			if r := &batch[i]; r.Err != nil && len(found) < namedEvents {
				found = append(found, undecodable(r.Place.String(), r.Err.Error()))
			}
		}
		return nil
	}
	if err := log.Log().Audit(ctx, journal.AuditQuery{Heartbeats: true}, look); err != nil {
		return found, err
	}
	if len(found) == 0 {
		return []finding{{Check: "events", Result: resultOK, Detail: fmt.Sprintf("%d could not be decoded, and have left the log since", counted)}}, nil
	}
	return found, nil
}

func undecodable(place, why string) finding {
	return finding{"events", resultWarning, "at " + place + ": " + why, keepsUndecodable}
}
