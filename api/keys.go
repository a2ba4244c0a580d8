package api

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/rollcall-dev/rollcall/events/journal"
)

// keyLifetime is how long a repeat under the same key adds nothing, as the log has it.
const keyLifetime = 2 * time.Minute

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

// key makes the journal's key from the request's. asked is what the request is about; whoever sends the same key with
// something else asked gets a conflict. No two actors share a key. Without a key the zero Key is returned.
func (q request) key(asked ...any) (journal.Key, error) {
	key, err := q.idempotencyKey()
	if key == "" || err != nil {
		return journal.Key{}, err
	}
	return q.keyOf(key, asked...)
}

// lineKey is key for one line of a stream.
func (q request) lineKey(key string, line int, asked ...any) (journal.Key, error) {
	if key == "" {
		return journal.Key{}, nil
	}
	return q.keyOf(key+"/"+strconv.Itoa(line), asked...)
}

func (q request) keyOf(key string, asked ...any) (journal.Key, error) {
	digest := sha256.New()
	digest.Write([]byte(q.r.Method + "\x00" + strings.TrimSuffix(q.r.URL.Path, "/") + "\x00"))
	if err := json.NewEncoder(digest).Encode(asked); err != nil {
		return journal.Key{}, fmt.Errorf("digesting a request: %w", err)
	}
	return journal.Key{ID: digestOf(q.who.User + "\x00" + key), Digest: hex.EncodeToString(digest.Sum(nil)[:16])}, nil
}

func digestOf(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:16])
}
