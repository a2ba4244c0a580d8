package journal

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// What can go wrong with the log. Every error of this package wraps one of
// these; what the broker said is in the text only.
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
	// ErrClosed: the journal is shutting down and takes nothing more.
	ErrClosed = errors.New("the journal is closed")
	// ErrTooLarge: the server takes no message of that size; nothing was stored.
	ErrTooLarge = errors.New("the log takes no message of that size")
	// ErrConflict: the key was used for another request within the last two minutes.
	ErrConflict = errors.New("the key was used for another request")
	// ErrGone: that part of the log is no longer there.
	ErrGone = errors.New("that part of the log is gone")
	// ErrMissing: the stream does not exist although a view has seen it.
	ErrMissing = errors.New("the log is missing")
	// ErrMismatch: a stream of that name exists with settings that Rollcall cannot work with.
	ErrMismatch = errors.New("the stream's settings do not fit")
)

// JetStream error codes, as nats-server numbers them.
const (
	codeInsufficientResources = 10023
	codeMemoryExceeded        = 10028
	codeClusterNotAvailable   = 10008
	codeJetStreamNotEnabled   = 10076
	codeNotEnabledForAccount  = 10039
	codeStorageExceeded       = 10047
	codeAccountExceeded       = 10002
	codeStreamNotFound        = 10059
	codeWrongLastSequence     = 10071
	codeWrongLastConstant     = 10164
	codeStoreFailed           = 10077
	codeIngestQueueFull       = 10167
	codeMessageTooLarge       = 10054
)

// apiCode returns the JetStream error code in err, or 0.
func apiCode(err error) jetstream.ErrorCode {
	var js jetstream.JetStreamError
	if errors.As(err, &js) && js.APIError() != nil {
		return js.APIError().ErrorCode
	}
	return 0
}

// asOurs turns an error of the client library into one of ours.
func asOurs(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%w: %v", kindOf(err), err) //nolint:errorlint // the broker's error stays inside, on purpose
}

func kindOf(err error) error {
	switch apiCode(err) {
	case codeStoreFailed, codeInsufficientResources, codeStorageExceeded, codeAccountExceeded, codeMemoryExceeded:
		return ErrFull
	case codeIngestQueueFull:
		return ErrOverloaded
	case codeMessageTooLarge:
		return ErrTooLarge
	case codeStreamNotFound, codeJetStreamNotEnabled, codeNotEnabledForAccount, codeClusterNotAvailable:
		return ErrUnavailable
	}
	switch {
	case errors.Is(err, nats.ErrNoResponders), errors.Is(err, jetstream.ErrNoStreamResponse),
		errors.Is(err, nats.ErrReconnectBufExceeded), errors.Is(err, nats.ErrConnectionClosed),
		errors.Is(err, nats.ErrInvalidConnection):
		return ErrUnavailable
	case errors.Is(err, nats.ErrMaxPayload):
		return ErrTooLarge
	case errors.Is(err, context.Canceled):
		return context.Canceled
	}
	// Timeouts, a connection lost under way, and whatever we do not know: the
	// message may have been stored.
	return ErrSlow
}
