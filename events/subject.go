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
	// StreamAudit holds a copy of UserSubjects for a year.
	StreamAudit = "PRESENCE_AUDIT"
	// StreamLease holds who emits timeouts just now.
	StreamLease = "PRESENCE_LEASE"
)

// The subjects of StreamHot.
const (
	// UserSubjects matches every JSON event: presence.user.<uid>.<type>.
	UserSubjects = "presence.user.>"
	// HeartbeatSubject carries HeartbeatBatch messages.
	HeartbeatSubject = "presence.heartbeats"
	// AliveSubject carries empty marks that tell a silent log from a dead one.
	AliveSubject = "presence.alive"
)

const (
	userPrefix = "presence.user."
	// archivePrefix is where the archiver publishes; StreamAudit stores what
	// arrives there under the subject that it had in StreamHot, because two
	// streams may not listen to one subject.
	archivePrefix = "presence.archive.user."
)

// ArchiveSubjects matches what the archiver publishes to StreamAudit.
const ArchiveSubjects = archivePrefix + ">"

// LeaseSubject is where the timeout consumers of all nodes meet.
const LeaseSubject = "presence.lease.timeouts"

// Headers of messages in the log.
const (
	// OriginSeqHeader is the sequence in StreamHot that an archived message had.
	OriginSeqHeader = "Rollcall-Seq"
	// OriginTimeHeader is the broker's timestamp that it had there, Unix milliseconds.
	OriginTimeHeader = "Rollcall-Time"
	// RequestHeader is a digest of the request behind an idempotency key.
	RequestHeader = "Rollcall-Request"
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

// ArchiveSubject returns where to publish the copy of a message that stands in
// StreamHot under subject.
func ArchiveSubject(subject string) string {
	return archivePrefix + strings.TrimPrefix(subject, userPrefix)
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
