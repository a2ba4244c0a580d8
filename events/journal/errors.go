package journal

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// What can go wrong with the log. Every error of this package wraps one of
// these; what the broker said, and what to change, is in the text only.
var (
	// ErrUnavailable: the log cannot be reached and nothing was stored.
	ErrUnavailable = errors.New("the log cannot be reached")
	// ErrFull: the stream, or the disk under it, is full; nothing was stored.
	ErrFull = errors.New("the log is full")
	// ErrSlow: no acknowledgement came in time. The event may be in the log; a
	// retry with the same key adds it at most once.
	ErrSlow = errors.New("the log did not acknowledge in time")
	// ErrOverloaded: more is waiting than the queue may hold; nothing was stored.
	ErrOverloaded = errors.New("too many events are waiting for the log")
	// ErrTooLarge: the message, or the batch, is larger than the servers or the
	// stream take; nothing was stored. A smaller one may be.
	ErrTooLarge = errors.New("the message is larger than the log takes")
	// ErrRefused: the servers forbid it as they are configured; nothing was
	// stored. It stays so until an operator changes what the text says.
	ErrRefused = errors.New("the NATS servers refuse it")
	// ErrReplicas is the ErrRefused of a stream with more replicas than there
	// are servers for.
	ErrReplicas = fmt.Errorf("%w: there are not enough servers for the replicas", ErrRefused)
	// ErrClosed: the journal is shutting down and takes nothing more.
	ErrClosed = errors.New("the journal is closed")
	// ErrConflict: the key was used for another request within the last two minutes.
	ErrConflict = errors.New("the key was used for another request")
	// ErrGone: that part of the log is no longer there.
	ErrGone = errors.New("that part of the log is gone")
	// ErrMissing: the stream does not exist although a view has seen it.
	ErrMissing = errors.New("the log is missing")
	// ErrMismatch: a stream of that name exists with settings that Rollcall cannot work with.
	ErrMismatch = errors.New("the stream's settings do not fit")
)

// JetStream error codes that this package acts upon, as nats-server numbers them.
const (
	codeWrongLastSequence = 10071
	codeWrongLastConstant = 10164
)

// meaning is what a broker's error is to us, and what an operator should do
// about it, where that is not plain from the broker's own words.
type meaning struct {
	err    error
	change string
}

// What to change.
const (
	changeAccount  = "give Rollcall an account with JetStream and room for three streams"
	changeReplicas = "give fewer --replicas, or add servers with JetStream and room"
	changeRoom     = "make room, or raise the limits of the servers or the account"
	changeServers  = "upgrade the NATS servers to 2.12 or newer"
	changeStream   = "compare the stream with docs/operations.md"
)

// codes says what a JetStream error code means. The server answers with one only
// where it has not stored the message, so none but a message that is still in
// process leaves the outcome open. For a code that is not here see kindOf.
var codes = map[jetstream.ErrorCode]meaning{
	// There is no room.
	10002: {ErrFull, changeRoom}, // the account's limits
	10023: {ErrFull, changeRoom}, // the server's limits
	10028: {ErrFull, changeRoom}, // memory
	10047: {ErrFull, changeRoom}, // storage
	10077: {ErrFull, changeRoom}, // the stream's own bounds

	// Others are first.
	10167: {err: ErrOverloaded}, // too many requests
	10210: {err: ErrOverloaded}, // too many batches
	10211: {err: ErrOverloaded},

	// It is too large.
	10054: {ErrTooLarge, "raise max_msg_size of the stream"},
	10097: {err: ErrTooLarge}, // headers
	10199: {ErrTooLarge, "raise the servers' bound on batches to 1000 messages"},

	// Nobody is there who could, for now.
	10004: {err: ErrUnavailable}, // incomplete results
	10006: {err: ErrUnavailable}, // not clustered, or not yet
	10007: {err: ErrUnavailable},
	10008: {err: ErrUnavailable}, // temporarily
	10009: {err: ErrUnavailable}, // not the leader
	10010: {err: ErrUnavailable},
	10012: {err: ErrUnavailable}, // making a consumer failed
	10014: {err: ErrUnavailable}, // a consumer is gone
	10035: {ErrUnavailable, changeAccount},
	10039: {ErrUnavailable, "enable JetStream for the account"},
	10041: {err: ErrUnavailable}, // Raft
	10048: {err: ErrUnavailable}, // assigning a stream failed
	10049: {err: ErrUnavailable}, // making a stream failed
	10050: {err: ErrUnavailable}, // removing it did
	10051: {err: ErrUnavailable},
	10057: {err: ErrUnavailable}, // deleting a message failed
	10059: {err: ErrUnavailable}, // the stream is not there
	10063: {err: ErrUnavailable}, // the stream was reset on the way
	10069: {err: ErrUnavailable}, // updating a stream failed
	10075: {err: ErrUnavailable},
	10076: {ErrUnavailable, "enable JetStream on the servers"},
	10104: {err: ErrUnavailable}, // a consumer's store
	10110: {err: ErrUnavailable}, // purging failed
	10111: {err: ErrUnavailable},
	10118: {err: ErrUnavailable}, // the stream is offline
	10119: {err: ErrUnavailable}, // the consumer is
	10124: {err: ErrUnavailable}, // the stream is being moved
	10149: {err: ErrUnavailable}, // a consumer is gone
	10163: {err: ErrUnavailable}, // not ready yet
	10176: {err: ErrUnavailable}, // a batch was abandoned
	10202: {err: ErrUnavailable}, // servers are joining or leaving
	10226: {err: ErrUnavailable}, // the stream is being changed

	// Another writer was faster.
	codeWrongLastSequence: {err: ErrUnavailable},
	codeWrongLastConstant: {err: ErrUnavailable},
	10070:                 {err: ErrUnavailable},
	10180:                 {err: ErrUnavailable},

	// The servers are not configured for it.
	10005: {ErrReplicas, changeReplicas}, // no suitable peers
	10074: {ErrReplicas, changeReplicas}, // not a cluster
	10026: {ErrRefused, "raise the account's limit on consumers"},
	10027: {ErrRefused, "raise the account's limit on streams: Rollcall has three"},
	10036: {ErrRefused, changeServers},
	10053: {ErrRefused, changeRoom},
	10065: {ErrRefused, "find the stream with `nats stream find --subject presence.user.x` and remove it, or give Rollcall an account of its own"},
	10109: {ErrRefused, "a sealed stream takes nothing more: restore it into one that is not sealed"},
	10113: {ErrRefused, "let the account have streams without max_bytes, or make the streams by hand as docs/operations.md says"},
	10120: {ErrRefused, "give the account JetStream limits for that many replicas"},
	10122: {ErrRefused, "raise the account's bound on a stream's size, or make the streams by hand as docs/operations.md says"},
	10185: {ErrRefused, changeServers},
	10194: {ErrRefused, changeServers}, // a stream that a newer server has made
	10195: {ErrRefused, changeServers}, // likewise a consumer

	// The stream is not as it should be.
	10058: {ErrMismatch, changeStream},
	10166: {ErrMismatch, changeStream}, // no message TTL
	10174: {ErrMismatch, changeStream}, // no atomic publish
	10056: {ErrMismatch, changeStream},
	10060: {ErrMismatch, changeStream},

	// What was asked for is not there.
	10037: {err: ErrGone},
	10043: {err: ErrGone},

	// A message of that id is on its way: whether it arrives is not known yet.
	10158: {err: ErrSlow},
}

// clientErrors says what an error of the client library means: the first that
// fits. Only what is certain to have stored nothing is here. A connection that
// was closed or lost under way leaves the outcome open.
var clientErrors = []struct {
	is error
	meaning
}{
	{nats.ErrMaxPayload, meaning{ErrTooLarge, "raise max_payload of the servers"}},
	{nats.ErrNoResponders, meaning{err: ErrUnavailable}},
	{jetstream.ErrNoStreamResponse, meaning{err: ErrUnavailable}},
	{nats.ErrReconnectBufExceeded, meaning{err: ErrUnavailable}},
	{nats.ErrConnectionReconnecting, meaning{err: ErrUnavailable}},
	{nats.ErrConnectionDraining, meaning{err: ErrUnavailable}},
	{nats.ErrInvalidConnection, meaning{err: ErrUnavailable}},
	{nats.ErrNoServers, meaning{err: ErrUnavailable}},
	{jetstream.ErrTooManyStalledMsgs, meaning{err: ErrOverloaded}},
	{jetstream.ErrConsumerDeleted, meaning{err: ErrUnavailable}}, // reading, this and the next two
	{jetstream.ErrConsumerLeadershipChanged, meaning{err: ErrUnavailable}},
	{jetstream.ErrNoHeartbeat, meaning{err: ErrUnavailable}},
	{nats.ErrHeadersNotSupported, meaning{ErrRefused, changeServers}},
	{nats.ErrPermissionViolation, meaning{ErrRefused, "let the user publish and subscribe as docs/operations.md says"}},
	{nats.ErrAuthorization, meaning{ErrRefused, "give valid credentials"}},
	{nats.ErrAuthExpired, meaning{ErrRefused, "give new credentials"}},
	{nats.ErrAuthRevoked, meaning{ErrRefused, "give new credentials"}},
	{nats.ErrAccountAuthExpired, meaning{ErrRefused, "renew the account"}},
	{context.Canceled, meaning{err: context.Canceled}},
}

// apiCode returns the JetStream error code in err, or 0.
func apiCode(err error) jetstream.ErrorCode {
	if e := apiError(err); e != nil {
		return e.ErrorCode
	}
	return 0
}

func apiError(err error) *jetstream.APIError {
	var js jetstream.JetStreamError
	if errors.As(err, &js) {
		return js.APIError()
	}
	return nil
}

// asOurs turns an error of the client library into one of ours.
func asOurs(err error) error {
	if err == nil {
		return nil
	}
	m := kindOf(err)
	if m.change == "" {
		return fmt.Errorf("%w: %v", m.err, err) //nolint:errorlint // the broker's error stays inside, on purpose
	}
	return fmt.Errorf("%w: %v: %s", m.err, err, m.change) //nolint:errorlint // likewise
}

// kindOf finds out what err means. A code that is not in the table is ErrRefused
// where the server blames the request, and else ErrUnavailable: it has answered,
// and not with a sequence.
func kindOf(err error) meaning {
	if e := apiError(err); e != nil {
		if m, known := codes[e.ErrorCode]; known {
			return m
		}
		if e.Code >= 500 {
			return meaning{err: ErrUnavailable}
		}
		return meaning{err: ErrRefused}
	}
	for _, c := range clientErrors {
		if errors.Is(err, c.is) {
			return c.meaning
		}
	}
	// Timeouts, a connection lost under way, and whatever we do not know: the
	// message may have been stored.
	return meaning{err: ErrSlow}
}
