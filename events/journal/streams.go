package journal

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/rollcall-dev/rollcall/events"
)

// hotStream says how StreamHot is made: one subject, one total order. Nothing
// leaves it by its age, and a full one takes nothing more: see Trimmer.
func (c Config) hotStream() jetstream.StreamConfig {
	return jetstream.StreamConfig{
		Name:        events.StreamHot,
		Description: "Rollcall: everything that happens, in one order",
		Subjects:    []string{events.LogSubject},
		Storage:     jetstream.FileStorage,
		Retention:   jetstream.LimitsPolicy,
		Discard:     jetstream.DiscardNew,
		Replicas:    c.Replicas,
		DenyDelete:  true,
		AllowDirect: true,
	}
}

// archiveStream says how StreamArchive is made. Single messages cannot be
// deleted; erasing a user purges their subjects. With one replica the server
// writes it when it has time: what that loses in a power cut the hot stream
// still has.
func (c Config) archiveStream() jetstream.StreamConfig {
	s := jetstream.StreamConfig{
		Name:        events.StreamArchive,
		Description: "Rollcall: every event but heartbeats, kept for long",
		Subjects:    []string{events.ArchiveSubjects},
		Storage:     jetstream.FileStorage,
		Compression: jetstream.S2Compression,
		Retention:   jetstream.LimitsPolicy,
		Discard:     jetstream.DiscardOld,
		MaxAge:      c.AuditRetention,
		Replicas:    c.Replicas,
		DenyDelete:  true,
		AllowDirect: true,
	}
	if c.Replicas <= 1 {
		s.PersistMode = jetstream.AsyncPersistMode
	}
	return s
}

// leaseStream says how StreamLease is made. It lives in memory: a lease does
// not outlive the brokers.
func (c Config) leaseStream() jetstream.StreamConfig {
	return jetstream.StreamConfig{
		Name:              events.StreamLease,
		Description:       "Rollcall: which node does what only one should",
		Subjects:          []string{events.LeaseSubjects},
		Storage:           jetstream.MemoryStorage,
		MaxMsgsPerSubject: 1,
		Replicas:          c.Replicas,
		AllowMsgTTL:       true,
		AllowDirect:       true,
	}
}

// prepare makes the streams that are missing and checks those that are there.
// With cfg.Seen a missing StreamHot is ErrMissing: a view that has seen it must
// not go on over an empty one.
func (j *Journal) prepare(ctx context.Context) error {
	for _, want := range []jetstream.StreamConfig{j.cfg.hotStream(), j.cfg.archiveStream(), j.cfg.leaseStream()} {
		s, err := j.js.Stream(ctx, want.Name)
		switch {
		case errors.Is(err, jetstream.ErrStreamNotFound):
			if err := j.mayMake(ctx, want.Name); err != nil {
				return err
			}
			if s, err = j.js.CreateStream(ctx, want); errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) {
				s, err = j.js.Stream(ctx, want.Name) // another node was faster
			}
			if err != nil {
				return fmt.Errorf("making stream %s: %w", want.Name, asOurs(err))
			}
			j.made = j.made || want.Name == events.StreamHot
		case err != nil:
			return fmt.Errorf("looking for stream %s: %w", want.Name, asOurs(err))
		}
		if err := j.check(ctx, s, want); err != nil {
			return err
		}
	}
	return j.compareStreams(ctx)
}

// mayMake returns an error if the stream of this name, which is not there, must
// not be made, because it has been there.
func (j *Journal) mayMake(ctx context.Context, name string) error {
	switch {
	case name == events.StreamHot && j.cfg.Seen:
		return fmt.Errorf("%w: the views here have seen stream %s, but the store has none: restore the store, "+
			"or remove the views to begin an empty log", ErrMissing, name)
	case name != events.StreamArchive || j.made:
		return nil
	}
	first, last, err := j.Bounds(ctx)
	switch {
	case err != nil:
		return err
	case first > 1 && !j.cfg.AcceptLoss:
		return fmt.Errorf("%w: stream %s is gone, and of stream %s, which it was made of, the beginning has been trimmed: "+
			"restore it from a backup, or accept with --accept-loss that the history begins later", ErrMissing, name, events.StreamHot)
	case last > 0:
		j.log.Warn("the archive is gone; it is made again and filled with what the log has", "stream", name, "first", first)
	}
	return nil
}

// compareStreams returns an error if hot stream and archive cannot be of one log.
func (j *Journal) compareStreams(ctx context.Context) error {
	end, _, err := j.archiveEnd(ctx)
	if err != nil {
		return err
	}
	_, last, err := j.Bounds(ctx)
	if err == nil && end.Place.Seq > last {
		err = aheadError(end.Place.Seq, last)
	}
	return err
}

// aheadError says that the archive has an event of the sequence has.
func aheadError(has, last uint64) error {
	return fmt.Errorf("%w: stream %s has an event of sequence %d, and stream %s ends at %d: it was restored from an older backup, or has lost its end: "+
		"restore %s from a newer one, or %s from one that is not newer; docs/operations.md says in which order to back up",
		ErrAhead, events.StreamArchive, has, events.StreamHot, last, events.StreamHot, events.StreamArchive)
}

// check holds a stream against what Rollcall needs. What it cannot live with is
// ErrMismatch; another retention is kept as it is and told, or, where the
// streams are this node's own, brought in line and told.
func (j *Journal) check(ctx context.Context, s jetstream.Stream, want jetstream.StreamConfig) error {
	info := s.CachedInfo()
	have := info.Config
	switch want.Name {
	case events.StreamHot:
		j.hot, j.created = s, info.Created
	case events.StreamArchive:
		j.archive = s
	case events.StreamLease:
		j.lease = s
	}
	if slices.Contains(have.Subjects, formOneSubject) {
		return fmt.Errorf("%w: stream %s has the form of the log that versions before 0.1.0 wrote, one message an event; "+
			"this version cannot read it: begin with an empty data directory or account, and import what you need", ErrMismatch, want.Name)
	}
	if said := Differences(have, want); len(said) > 0 {
		return fmt.Errorf("%w: stream %s: %s", ErrMismatch, want.Name, strings.Join(said, "; "))
	}
	if have.MaxAge == want.MaxAge || want.MaxAge == 0 {
		return nil
	}
	if !j.cfg.Own {
		j.log.Warn("a stream's retention is not the configured one and is left as it is",
			"stream", want.Name, "retention", have.MaxAge, "configured", want.MaxAge)
		return nil
	}
	have.MaxAge = want.MaxAge
	if _, err := j.js.UpdateStream(ctx, have); err != nil {
		return fmt.Errorf("setting the retention of stream %s: %w", want.Name, asOurs(err))
	}
	j.log.Info("the retention of a stream was changed to the configured one", "stream", want.Name, "retention", want.MaxAge)
	return nil
}

// formOneSubject is what only the form of the log before this one had.
const formOneSubject = "presence.heartbeats"

// Mend makes anew what a broker that was restarted has forgotten: the lease,
// which lives in memory. It returns where the log ends. Errors wrap
// ErrUnavailable or ErrSlow while the broker is not there, and ErrMissing where
// the log is not the one that was opened.
func (j *Journal) Mend(ctx context.Context) (last uint64, err error) {
	if _, last, err = j.Bounds(ctx); err != nil {
		return 0, err
	}
	want := j.cfg.leaseStream()
	if _, err := j.js.CreateStream(ctx, want); err != nil && !errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) {
		return 0, fmt.Errorf("making stream %s: %w", want.Name, asOurs(err))
	}
	return last, nil
}

// StreamInfo returns what the broker says of one of the log's streams.
func (j *Journal) StreamInfo(ctx context.Context, name string) (*jetstream.StreamInfo, error) {
	s, err := j.js.Stream(ctx, name)
	if err != nil {
		return nil, fmt.Errorf("asking for stream %s: %w", name, asOurs(err))
	}
	return s.CachedInfo(), nil
}
