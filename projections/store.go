package projections

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	bolt "go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"

	"github.com/rollcall-dev/rollcall/events"
	"github.com/rollcall-dev/rollcall/events/journal"
)

// What can be wrong with a view's file when it is opened.
var (
	// ErrHeld: another process has the file open.
	ErrHeld = errors.New("another process holds this view")
	// ErrNewer: the file was written by a newer version. It is left alone.
	ErrNewer = errors.New("the view was written by a newer version")
	// ErrDiverged: the log holds another message at the view's checkpoint than
	// the one that was folded: sequences have been given out again.
	ErrDiverged = errors.New("the log is not the one that the view has seen")

	// errUntrusted: the file is corrupt, of another log or of an older schema;
	// it is set aside and the view rebuilt.
	errUntrusted = errors.New("the view cannot be trusted")
)

// Meta is written in one transaction with the state that it speaks of.
type Meta struct {
	Kind        string        `json:"kind"`
	Schema      int           `json:"schema"`
	Created     time.Time     `json:"created"`               // when the log was made
	Seq         uint64        `json:"seq"`                   // the last message folded
	Fingerprint string        `json:"fingerprint,omitempty"` // of that message, empty where it was not read
	Clock       events.Clock  `json:"clock"`
	Nodes       []events.Node `json:"nodes,omitempty"`     // by their numbers, from 1
	Horizon     uint64        `json:"horizon,omitempty"`   // the sequence from which on the heartbeats were folded; 0: from the first
	Replaying   bool          `json:"replaying,omitempty"` // the view is between its last commit and its next horizon
	Undecodable uint64        `json:"undecodable,omitempty"`
}

var (
	metaBucket = []byte("meta")
	metaKey    = []byte("meta")
)

// Store is a view's file. Its buckets besides the meta data are the view's.
type Store struct {
	DB   *bolt.DB
	path string
}

// Schema says what a view's file must be.
type Schema struct {
	Kind    string
	Version int
	Buckets [][]byte
	// Check reads everything and returns an error where it finds damage: bbolt
	// has no checksums of its own.
	Check func(tx *bolt.Tx) error
}

// OpenStore opens or makes the file at path. One that is corrupt or of an older
// schema is set aside, with a line in the log that says so, and a new one made.
// Errors wrap ErrHeld or ErrNewer, or are the file system's.
func OpenStore(path string, schema Schema, logger *slog.Logger) (*Store, Meta, error) {
	s, meta, err := openStore(path, schema)
	if errors.Is(err, errUntrusted) {
		aside, asideErr := SetAside(path)
		if asideErr != nil {
			return nil, Meta{}, asideErr
		}
		logger.Warn("a view cannot be trusted; it is set aside and will be rebuilt from the log",
			"view", schema.Kind, "kept_as", aside, "reason", err)
		s, meta, err = openStore(path, schema)
	}
	return s, meta, err
}

// Replace sets the store's file aside because of what was found in it, with a
// line in the log, and returns a new one.
func Replace(s *Store, schema Schema, reason error, logger *slog.Logger) (*Store, Meta, error) {
	path := s.path
	if err := s.Close(); err != nil {
		return nil, Meta{}, err
	}
	aside, err := SetAside(path)
	if err != nil {
		return nil, Meta{}, err
	}
	logger.Warn("a view cannot be trusted; it is set aside and will be rebuilt from the log",
		"view", schema.Kind, "kept_as", aside, "reason", reason)
	return openStore(path, schema)
}

// Recover turns, where it is deferred, a panic of bbolt over a damaged file into an error.
func Recover(err *error) {
	if p := recover(); p != nil {
		*err = fmt.Errorf("%w: %v", errUntrusted, p)
	}
}

// SetAside renames the view's file so that a new one can be made, and returns
// the new name.
func SetAside(path string) (string, error) {
	aside := path + ".aside-" + time.Now().UTC().Format("20060102T150405.000")
	if err := os.Rename(path, aside); err != nil {
		return "", fmt.Errorf("setting a view aside: %w", err)
	}
	return aside, nil
}

func openStore(path string, schema Schema) (s *Store, meta Meta, err error) {
	// bbolt panics on some damage instead of returning an error.
	defer func() {
		if p := recover(); p != nil {
			s, meta, err = nil, Meta{}, fmt.Errorf("%w: %v", errUntrusted, p)
		}
	}()
	db, err := bolt.Open(path, 0o600, &bolt.Options{Timeout: time.Second, FreelistType: bolt.FreelistMapType, InitialMmapSize: 1 << 30})
	switch {
	case errors.Is(err, bolterrors.ErrTimeout):
		return nil, Meta{}, fmt.Errorf("%w: %s", ErrHeld, path)
	case errors.Is(err, os.ErrPermission), errors.Is(err, os.ErrNotExist):
		return nil, Meta{}, fmt.Errorf("opening a view: %w", err)
	case err != nil:
		return nil, Meta{}, fmt.Errorf("%w: %w", errUntrusted, err)
	}
	s = &Store{DB: db, path: path}
	if meta, err = s.prepare(schema); err != nil {
		_ = db.Close()
		return nil, Meta{}, err
	}
	return s, meta, nil
}

// prepare makes the buckets of a new file, and checks those of an old one.
func (s *Store) prepare(schema Schema) (Meta, error) {
	meta := Meta{Kind: schema.Kind, Schema: schema.Version}
	fresh := false
	err := s.DB.View(func(tx *bolt.Tx) error {
		b := tx.Bucket(metaBucket)
		if fresh = b == nil; fresh {
			return nil
		}
		if err := json.Unmarshal(b.Get(metaKey), &meta); err != nil || meta.Kind != schema.Kind {
			return fmt.Errorf("%w: it is no %s view", errUntrusted, schema.Kind)
		}
		switch {
		case meta.Schema > schema.Version:
			return fmt.Errorf("%w: %s has schema %d, this version knows %d; use the newer version, or move the file away to have it rebuilt",
				ErrNewer, s.path, meta.Schema, schema.Version)
		case meta.Schema < schema.Version:
			return fmt.Errorf("%w: its schema is %d, now %d", errUntrusted, meta.Schema, schema.Version)
		}
		for _, name := range schema.Buckets {
			if tx.Bucket(name) == nil {
				return fmt.Errorf("%w: bucket %s is missing", errUntrusted, name)
			}
		}
		if schema.Check == nil {
			return nil
		}
		if err := schema.Check(tx); err != nil {
			return fmt.Errorf("%w: %w", errUntrusted, err)
		}
		return nil
	})
	if err != nil || !fresh {
		return meta, err
	}
	return meta, s.DB.Update(func(tx *bolt.Tx) error {
		for _, name := range append([][]byte{metaBucket}, schema.Buckets...) {
			if _, err := tx.CreateBucketIfNotExists(name); err != nil {
				return err
			}
		}
		return PutMeta(tx, meta)
	})
}

// PutMeta writes meta in the transaction of the state that it speaks of.
func PutMeta(tx *bolt.Tx, meta Meta) error {
	b, err := json.Marshal(meta)
	if err != nil {
		return fmt.Errorf("encoding a checkpoint: %w", err)
	}
	return tx.Bucket(metaBucket).Put(metaKey, b)
}

// ReadMeta returns what stands in tx.
func ReadMeta(tx *bolt.Tx) (Meta, error) {
	var meta Meta
	if err := json.Unmarshal(tx.Bucket(metaBucket).Get(metaKey), &meta); err != nil {
		return meta, fmt.Errorf("decoding a checkpoint: %w", err)
	}
	return meta, nil
}

// Path is the file's name.
func (s *Store) Path() string { return s.path }

// Moved tells s that its file has another name now.
func (s *Store) Moved(path string) { s.path = path }

// Close closes the file. It waits for transactions under way.
func (s *Store) Close() error {
	if err := s.DB.Close(); err != nil {
		return fmt.Errorf("closing a view: %w", err)
	}
	return nil
}

// identity is a part of *journal.Journal.
type identity interface {
	Created() time.Time
	Bounds(ctx context.Context) (first, last uint64, err error)
	Message(ctx context.Context, seq uint64) (journal.Message, error)
}

// SameLog holds a view's checkpoint against the log. foreign reports that the
// view is of another log and must be rebuilt. The errors mean that nobody may
// go on: ErrShort and ErrDiverged.
func SameLog(ctx context.Context, j identity, meta Meta) (foreign bool, err error) {
	if meta.Seq == 0 {
		return false, nil
	}
	if !meta.Created.Equal(j.Created()) {
		return true, nil
	}
	_, last, err := j.Bounds(ctx)
	if err != nil {
		return false, err
	}
	if last < meta.Seq {
		return false, fmt.Errorf("%w: it ends at %d, the %s view stands at %d: restore the store, or remove the view to accept the loss",
			ErrShort, last, meta.Kind, meta.Seq)
	}
	if meta.Fingerprint == "" {
		return false, nil
	}
	m, err := j.Message(ctx, meta.Seq)
	if errors.Is(err, journal.ErrGone) {
		return false, nil // trimmed, or purged with an erased user
	}
	if err != nil {
		return false, err
	}
	if m.Fingerprint() != meta.Fingerprint {
		return false, fmt.Errorf("%w: at sequence %d stands another message than the %s view has folded: restore the store, or remove the view to accept the log as it is",
			ErrDiverged, meta.Seq, meta.Kind)
	}
	return false, nil
}
