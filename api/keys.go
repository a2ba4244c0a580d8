package api

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/rollcall-dev/rollcall/events"
	"github.com/rollcall-dev/rollcall/events/journal"
)

// maxKey is how many characters an Idempotency-Key may have.
const maxKey = 64

// idempotencyKey returns the request's Idempotency-Key, "" where it has none.
func (q request) idempotencyKey() (string, error) {
	values := q.r.Header["Idempotency-Key"]
	if len(values) == 0 {
		return "", nil
	}
	key := values[0]
	if len(values) > 1 || key == "" || !utf8.ValidString(key) || utf8.RuneCountInString(key) > maxKey {
		return "", invalidParameter.at("header.Idempotency-Key", "one key of 1 to 64 characters")
	}
	for _, r := range key {
		if unicode.IsControl(r) {
			return "", invalidParameter.at("header.Idempotency-Key", "no control characters")
		}
	}
	return key, nil
}

// key makes the log's key from the request's. asked is what the request is about; whoever sends the same key with
// something else asked gets a conflict. No two actors share a key. Without a key the zero Key is returned.
func (q request) key(asked ...any) (events.Key, error) {
	key, err := q.idempotencyKey()
	if key == "" || err != nil {
		return events.Key{}, err
	}
	return q.keyOf(key, asked...)
}

// lineKey is key for one line of a stream.
func (q request) lineKey(key string, line int, asked ...any) (events.Key, error) {
	if key == "" {
		return events.Key{}, nil
	}
	return q.keyOf(key+"/"+strconv.Itoa(line), asked...)
}

func (q request) keyOf(key string, asked ...any) (events.Key, error) {
	digest := sha256.New()
	digest.Write([]byte(q.r.Method + "\x00" + strings.TrimSuffix(q.r.URL.Path, "/") + "\x00"))
	if err := json.NewEncoder(digest).Encode(asked); err != nil {
		return events.Key{}, fmt.Errorf("digesting a request: %w", err)
	}
	id := sha256.Sum256([]byte(q.who.User + "\x00" + key))
	return events.Key{ID: [16]byte(id[:16]), Request: [16]byte(digest.Sum(nil)[:16])}, nil
}

// known returns the place of the first entry under the key where the view has it
// already: then nothing need be appended. The error is journal.ErrConflict where
// that came from another request.
func (a *API) known(key events.Key) (at events.Place, known bool, err error) {
	if !key.Given() {
		return at, false, nil
	}
	c, known := a.cfg.View.Claimed(key.ID)
	return c.Place, known, conflictOf(c, known, key)
}

// judged returns the place of the entry that counts under the key, given that
// one was appended at own: the first one, which may be another's. It waits for
// the view, which alone knows.
func (a *API) judged(ctx context.Context, key events.Key, own events.Place) (events.Place, error) {
	if !key.Given() {
		return own, nil
	}
	if err := a.reach(ctx, own.Seq); err != nil {
		return own, fmt.Errorf("%w: whether it is a repeat: %w", journal.ErrSlow, err)
	}
	c, known := a.cfg.View.Claimed(key.ID)
	if !known {
		return own, nil // so much time has passed since
	}
	return c.Place, conflictOf(c, known, key)
}

func conflictOf(c events.Claim, known bool, key events.Key) error {
	if known && c.Request != key.Request {
		return journal.ErrConflict
	}
	return nil
}
