package events

import (
	"errors"
	"fmt"
	"strings"
)

// The streams. Every name of a stream, a subject or a header is made and read
// in this file.
const (
	// StreamHot holds everything that happens, in the one order there is.
	StreamHot = "PRESENCE"
	// StreamArchive holds every event but heartbeats, for a year.
	StreamArchive = "PRESENCE_AUDIT"
	// StreamLease holds which node does what only one should.
	StreamLease = "PRESENCE_LEASE"
)

// LogSubject is the one subject of StreamHot: each message is a commit.
const LogSubject = "presence.log"

// ArchiveSubjects matches every message of StreamArchive:
// presence.user.<uid>.<type>.
const ArchiveSubjects = userPrefix + ">"

const userPrefix = "presence.user."

// The subjects of StreamLease.
const (
	LeaseSubjects = "presence.lease.*"
	// LeaseTimeouts is held by the node that writes timeouts.
	LeaseTimeouts = "presence.lease.timeouts"
	// LeaseArchive is held by the node that archives and trims.
	LeaseArchive = "presence.lease.archive"
)

// Headers of messages in StreamArchive: where its event was in StreamHot.
const (
	OriginSeqHeader = "Rollcall-Seq"
	OriginNthHeader = "Rollcall-Nth" // left out for 0
	// OriginTimeHeader is the broker's timestamp there, Unix milliseconds.
	OriginTimeHeader = "Rollcall-Time"
	// OriginAtHeader is only with an entry that the archiver could not read, and
	// that it archived as it was: the `at` of its commit, Unix milliseconds.
	OriginAtHeader = "Rollcall-Commit-At"
	// OriginWholeHeader is only with a message that is no commit at all.
	OriginWholeHeader = "Rollcall-Whole"
)

// unreadable stands for a user and a type that cannot be told. No id encodes to
// a token that begins with a tilde.
const (
	unreadableUser = "~unreadable"
	unreadableType = "entry"
)

// ErrSubject is returned for a subject that this package did not make.
var ErrSubject = errors.New("not a subject of a presence event")

// Subject returns presence.user.<uid>.<t>. The user id is percent-encoded to
// one token that is no wildcard, whatever it holds.
func Subject(user string, t Type) string {
	return userPrefix + EncodeID(user) + "." + string(t)
}

// ErasedSubject is the subject of the event that is left of an erased user.
// No user id encodes to a token that begins with a tilde.
func ErasedSubject(hash string) string { return userPrefix + "~" + hash + "." + string(Erased) }

// SubjectOf returns the subject under which e is published.
func SubjectOf(e *Event) string {
	if e.Type == Erased {
		return ErasedSubject(e.Hash)
	}
	return Subject(e.User, e.Type)
}

// UserFilter matches every JSON event of one user.
func UserFilter(user string) string { return userPrefix + EncodeID(user) + ".>" }

// TypeFilter matches every JSON event of one type.
func TypeFilter(t Type) string { return userPrefix + "*." + string(t) }

// UnreadableSubject is where an entry is archived that cannot be read, under its
// user's name where that can: erasing the user erases it.
func UnreadableSubject(user string) string {
	if ValidID(user) != nil {
		return userPrefix + unreadableUser + "." + unreadableType
	}
	return userPrefix + EncodeID(user) + "." + unreadableType
}

// ParseSubject takes a subject of Subject apart. The type is not checked: the
// payload says it too, and an unknown one is for the codec to report.
func ParseSubject(subject string) (user string, t Type, err error) {
	rest, ok := strings.CutPrefix(subject, userPrefix)
	if !ok {
		return "", "", fmt.Errorf("%w: %.200q", ErrSubject, subject)
	}
	token, typ, ok := strings.Cut(rest, ".")
	if !ok || typ == "" || strings.Contains(typ, ".") {
		return "", "", fmt.Errorf("%w: %.200q", ErrSubject, subject)
	}
	user, err = DecodeID(token)
	if err != nil {
		return "", "", err
	}
	return user, Type(typ), nil
}

const upperHex = "0123456789ABCDEF"

// EncodeID percent-encodes everything but A-Z a-z 0-9 _ and -.
func EncodeID(id string) string {
	plain := true
	for i := range len(id) {
		if !unreserved(id[i]) {
			plain = false
			break
		}
	}
	if plain {
		return id
	}
	b := make([]byte, 0, 3*len(id))
	for i := range len(id) {
		c := id[i]
		if unreserved(c) {
			b = append(b, c)
		} else {
			b = append(b, '%', upperHex[c>>4], upperHex[c&15])
		}
	}
	return string(b)
}

// DecodeID reverses EncodeID. Anything that EncodeID would not have written is
// refused with ErrSubject, so that no two tokens mean one id.
func DecodeID(token string) (string, error) {
	b := make([]byte, 0, len(token))
	for i := 0; i < len(token); i++ {
		c := token[i]
		switch {
		case unreserved(c):
			b = append(b, c)
		case c == '%' && i+2 < len(token):
			hi, lo := strings.IndexByte(upperHex, token[i+1]), strings.IndexByte(upperHex, token[i+2])
			if hi < 0 || lo < 0 || unreserved(byte(hi<<4|lo)) {
				return "", fmt.Errorf("%w: token %.200q", ErrSubject, token)
			}
			b = append(b, byte(hi<<4|lo))
			i += 2
		default:
			return "", fmt.Errorf("%w: token %.200q", ErrSubject, token)
		}
	}
	if len(b) == 0 {
		return "", fmt.Errorf("%w: empty token", ErrSubject)
	}
	return string(b), nil
}

func unreserved(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '_' || c == '-'
}
