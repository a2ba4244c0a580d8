package journal

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/synadia-io/orbit.go/jetstreamext"
)

// sentinels are what the tables may lead to.
var sentinels = []error{ErrUnavailable, ErrFull, ErrSlow, ErrOverloaded, ErrTooLarge, ErrRefused, ErrReplicas, ErrGone, ErrMismatch}

// TestOnlyAMessageThatIsInProcessIsOpen walks all codes of the server: an answer
// with one is certain to have stored nothing.
func TestOnlyAMessageThatIsInProcessIsOpen(t *testing.T) {
	seen := map[jetstream.ErrorCode]bool{}
	for _, e := range server.ApiErrors {
		code := jetstream.ErrorCode(e.ErrCode)
		seen[code] = true
		err := asOurs(&jetstream.APIError{Code: e.Code, ErrorCode: code, Description: e.Description})
		if !slices.ContainsFunc(sentinels, func(s error) bool { return errors.Is(err, s) }) {
			t.Errorf("%d (%s) is none of ours: %v", code, e.Description, err)
		}
		if open := errors.Is(err, ErrSlow); open != (code == 10158) {
			t.Errorf("%d (%s): its outcome is open: %t", code, e.Description, open)
		}
		if !strings.Contains(err.Error(), e.Description) {
			t.Errorf("%d: %q leaves out what the broker said: %q", code, err, e.Description)
		}
	}
	for code := range codes {
		if !seen[code] {
			t.Errorf("the server has no code %d", code)
		}
	}
}

func TestCodesMeanWhatTheySay(t *testing.T) {
	for _, c := range []struct {
		id   server.ErrorIdentifier
		want error
	}{
		{server.JSStreamMaxBytesRequired, ErrRefused},
		{server.JSStreamMaxStreamBytesExceeded, ErrRefused},
		{server.JSStreamSubjectOverlapErr, ErrRefused},
		{server.JSClusterNoPeersErrF, ErrReplicas},
		{server.JSStreamReplicasNotSupportedErr, ErrReplicas},
		{server.JSNoLimitsErr, ErrRefused},
		{server.JSMaximumStreamsLimitErr, ErrRefused},
		{server.JSRequiredApiLevelErr, ErrRefused},
		{server.JSStreamSealedErr, ErrRefused},
		{server.JSStreamMessageExceedsMaximumErr, ErrTooLarge},
		{server.JSStreamHeaderExceedsMaximumErr, ErrTooLarge},
		{server.JSAtomicPublishTooLargeBatchErrF, ErrTooLarge},
		{server.JSAtomicPublishTooManyInflight, ErrOverloaded},
		{server.JSStreamTooManyRequests, ErrOverloaded},
		{server.JSStreamStoreFailedF, ErrFull},
		{server.JSAccountResourcesExceededErr, ErrFull},
		{server.JSStorageResourcesExceededErr, ErrFull},
		{server.JSAtomicPublishDisabledErr, ErrMismatch},
		{server.JSMessageTTLDisabledErr, ErrMismatch},
		{server.JSStreamNotFoundErr, ErrUnavailable},
		{server.JSClusterNotAvailErr, ErrUnavailable},
		{server.JSAtomicPublishIncompleteBatchErr, ErrUnavailable},
		{server.JSStreamOfflineErr, ErrUnavailable},
		{server.JSNoMessageFoundErr, ErrGone},
		{server.JSMirrorWithSourcesErr, ErrRefused}, // one that we never cause
	} {
		e := server.ApiErrors[c.id]
		err := asOurs(&jetstream.APIError{Code: e.Code, ErrorCode: jetstream.ErrorCode(e.ErrCode), Description: e.Description})
		if !errors.Is(err, c.want) {
			t.Errorf("%d is %v, want %v", e.ErrCode, err, c.want)
		}
	}
}

func TestErrorsOfTheClientMeanWhatTheySay(t *testing.T) {
	for _, c := range []struct{ err, want error }{
		{nats.ErrMaxPayload, ErrTooLarge},
		{fmt.Errorf("publishing message in the batch: %w", nats.ErrMaxPayload), ErrTooLarge},
		{nats.ErrNoResponders, ErrUnavailable},
		{nats.ErrReconnectBufExceeded, ErrUnavailable},
		{nats.ErrPermissionViolation, ErrRefused},
		{nats.ErrAuthExpired, ErrRefused},
		{jetstream.ErrTooManyStalledMsgs, ErrOverloaded},
		{jetstream.ErrStreamNotFound, ErrUnavailable},
		{jetstreamext.ErrBatchPublishIncomplete, ErrUnavailable},
		{context.Canceled, context.Canceled},
		// What may have been stored.
		{nats.ErrTimeout, ErrSlow},
		{nats.ErrDisconnected, ErrSlow},
		{nats.ErrConnectionClosed, ErrSlow},
		{nats.ErrStaleConnection, ErrSlow},
		{jetstream.ErrAsyncPublishTimeout, ErrSlow},
		{jetstream.ErrJetStreamPublisherClosed, ErrSlow},
		{jetstream.ErrInvalidJSAck, ErrSlow},
		{context.DeadlineExceeded, ErrSlow},
		{errors.New("what is new"), ErrSlow},
	} {
		if err := asOurs(c.err); !errors.Is(err, c.want) {
			t.Errorf("%v is %v, want %v", c.err, err, c.want)
		}
	}
}
