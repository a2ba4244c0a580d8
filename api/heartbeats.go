package api

import (
	"context"
	"errors"
	"io"
	"net/http"
	"slices"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/rollcall-dev/rollcall/events"
)

// batchPiece is how much of a batch is taken at once, in bytes.
const batchPiece = 64 << 10

type batchAnswer struct {
	Accepted int    `json:"accepted" doc:"Heartbeats that are in the log"`
	Rejected int    `json:"rejected" doc:"Heartbeats that are not, or whose outcome is unknown"`
	Seq      uint64 `json:"seq" doc:"Where the last accepted one stands in the log"`
}

func batchOfHeartbeats() endpoint {
	return endpoint{serve: (*API).heartbeats, needed: true, offers: []string{typeJSON},
		body:    carry[heartbeatBatch](typeProtobuf),
		answers: map[int]contents{200: carry[batchAnswer](typeJSON)}}
}

// heartbeats takes a HeartbeatBatch piece by piece, so that a large one costs no more memory than a small one. A bad
// heartbeat is rejected alone. A batch that cannot be read is refused; where a part of it is in the log already, the
// rest counts as one rejected.
func (a *API) heartbeats(q request) (int, error) {
	media, err := mediaType(q.r)
	if err != nil {
		return 0, err
	}
	if media != typeProtobuf {
		return 0, wrongMedia(media, typeProtobuf)
	}
	if q.r.ContentLength > maxStream {
		return 0, errTooLarge
	}
	end, err := a.upload(q)
	if err != nil {
		return 0, err
	}
	defer end()
	in := newIntake(context.WithoutCancel(q.r.Context()), a) // a body that does not come to its end ends that context
	body, done := a.stream(q, maxStream)
	defer done()
	pieces := pieceReader{r: body}
	var batch events.Batch
	for n := 0; !in.over(); {
		piece, err := pieces.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err == nil {
			err = batch.Walk(piece)
		}
		if err != nil {
			in.stop(n+1, asBatchFault(err))
			break
		}
		q.at = events.MillisOf(a.cfg.Now()) // not when the request began, which may be long ago
		for i := range batch.Beats {
			n++
			a.beat(q, in, n, &batch.Beats[i])
		}
		in.flush() // what has come is not to wait for what comes
	}
	if err := q.finish(in); err != nil {
		return 0, err
	}
	q.seq(in.report.Seq)
	return http.StatusOK, writeJSON(q.w, http.StatusOK,
		batchAnswer{Accepted: in.report.Accepted, Rejected: in.report.Rejected, Seq: in.report.Seq})
}

func asBatchFault(err error) error {
	if errors.Is(err, events.ErrMalformed) {
		return fault(malformedBody, "The body is not a HeartbeatBatch.")
	}
	return asReadFault(err)
}

// beat takes heartbeat n of a batch. Its times and its actor are the service's own to say.
func (a *API) beat(q request, in *intake, n int, raw *events.RawBeat) {
	if in.over() {
		in.reject(n, in.failed)
		return
	}
	if !a.paid(q, in, n) {
		return
	}
	b := raw.Beat()
	if b.Session == "" {
		b.Session = events.DefaultSession
	}
	if err := checkBeat(q, &b); err != nil {
		in.reject(n, err)
		return
	}
	b.Actor, b.At = q.who.User, q.at
	in.submitBeat(n, b)
}

func checkBeat(q request, b *events.Beat) error {
	if err := events.ValidID(b.User); err != nil {
		return invalidUser.at("user", err.Error())
	}
	if _, err := validSession(b.Session, "session"); err != nil {
		return err
	}
	if b.Every > maxInterval {
		return invalidInterval.at("every", "at most 360")
	}
	return q.mayWrite(b.User)
}

// pieceReader cuts a protobuf message into pieces that are messages of the same type: runs of whole fields.
type pieceReader struct {
	r    io.Reader
	buf  []byte
	rest int  // where in buf what was not yet given out begins
	done bool // r is at its end
}

// next returns the next piece, which is good until the call after, or io.EOF. A field that is longer than maxLine, cut
// off or broken makes an error.
func (p *pieceReader) next() ([]byte, error) {
	p.buf = append(p.buf[:0], p.buf[p.rest:]...)
	p.rest = 0
	for want := batchPiece; ; want = 2 * len(p.buf) {
		if err := p.fill(min(want, maxLine+batchPiece)); err != nil {
			return nil, err
		}
		if p.done && len(p.buf) == 0 {
			return nil, io.EOF
		}
		whole, err := wholeFields(p.buf)
		if err != nil {
			return nil, err
		}
		if whole > 0 && (whole == len(p.buf) || !p.done) {
			p.rest = whole
			return p.buf[:whole], nil
		}
		if p.done {
			return nil, events.ErrMalformed
		}
		if len(p.buf) > maxLine {
			return nil, errTooLarge
		}
	}
}

// fill reads until the buffer holds want bytes, or r is at its end. A body that is cut off is an error, not an end.
func (p *pieceReader) fill(want int) error {
	p.buf = slices.Grow(p.buf, max(0, want-len(p.buf)))
	for !p.done && len(p.buf) < want {
		n, err := p.r.Read(p.buf[len(p.buf):want])
		p.buf = p.buf[:len(p.buf)+n]
		if p.done = errors.Is(err, io.EOF); err != nil && !p.done {
			return err
		}
	}
	return nil
}

// wholeFields returns how many bytes of data are whole fields, from the front.
func wholeFields(data []byte) (int, error) {
	whole := 0
	for whole < len(data) {
		_, _, n := protowire.ConsumeField(data[whole:])
		if n < 0 {
			if errors.Is(protowire.ParseError(n), io.ErrUnexpectedEOF) {
				return whole, nil
			}
			return 0, events.ErrMalformed
		}
		whole += n
	}
	return whole, nil
}
