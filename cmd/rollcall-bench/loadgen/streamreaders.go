package loadgen

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
	"golang.org/x/sync/errgroup"
)

const (
	// StreamPath is the live stream.
	StreamPath = "/v1/stream"
	// openAtOnce bounds how many streams are opened at the same time.
	openAtOnce = 64
	// samples is how many readers look at each change for how late it is.
	samples = 16
	// catchUp is how long readers may take, after the last change, to get it.
	catchUp = 30 * time.Second
	// readPoll is how often they are asked.
	readPoll = 20 * time.Millisecond
)

// Readers are many readers of one live stream, in a process of their own: they would otherwise be in the way of the
// generator of heartbeats, whose latencies are what is asked about.
//
// The process speaks by lines. It reads the token, opens the streams, and says "ready" when all have their snapshot;
// it reads the sequence of the last change, waits until all have got that, and writes what they got as JSON.
type Readers struct {
	URL   string
	Count int
	// After is the sequence after which every change is asked for, and no snapshot; 0 is from now on, with one.
	After uint64
}

// Received is what the readers got.
type Received struct {
	Readers int `json:"readers"`
	// Cut were ended by the node or broken off before the last change; Fault is what the first of them met.
	Cut   int    `json:"cut"`
	Fault string `json:"fault,omitempty"`
	// Behind had not got the last change when the time for it was over.
	Behind int `json:"behind"`
	// Fewest and Most are the changes that those who were neither got.
	Fewest int64 `json:"fewest"`
	Most   int64 `json:"most"`
	// Same says that all of them got the same changes in the same order.
	Same bool `json:"same"`
	// Bytes is what all got together, HTTP included, since they were ready.
	Bytes int64 `json:"bytes"`
	// Late is how long after a change was accepted it came, of those readers that look.
	LateP50 time.Duration `json:"late_p50_ns"`
	LateP99 time.Duration `json:"late_p99_ns"`
	LateMax time.Duration `json:"late_max_ns"`
	// CPU is what the readers spent themselves.
	CPU time.Duration `json:"cpu_ns"`
}

// streamReader is one of them. A goroutine of its own reads it.
type streamReader struct {
	conn  net.Conn
	tail  tail
	late  *hdrhistogram.Histogram // nil for one that does not look
	bytes atomic.Int64
	begun chan struct{} // closed when the snapshot is over
	last  atomic.Uint64 // tail.through, for others to see
	ended chan struct{} // closed when it reads no more; err and all the rest may be read then
	err   error
}

// Serve speaks as the type says on in and out. It returns ErrStream where a stream is not what it should be.
func (r Readers) Serve(ctx context.Context, in io.Reader, out io.Writer) error {
	lines := bufio.NewScanner(in)
	if !lines.Scan() {
		return fmt.Errorf("%w: no token came", ErrConfig)
	}
	to, err := loopback(ctx, r.URL)
	if err != nil {
		return err
	}
	readers, err := r.open(ctx, to, lines.Text())
	defer func() {
		for _, reader := range readers {
			if reader != nil {
				reader.conn.Close()
				<-reader.ended
			}
		}
	}()
	if err != nil {
		return err
	}
	before := totalBytes(readers)
	cpu := ownCPU()
	if _, err := fmt.Fprintln(out, "ready"); err != nil {
		return err
	}
	var last uint64
	if !lines.Scan() {
		return fmt.Errorf("%w: no last sequence came", ErrConfig)
	}
	if _, err := fmt.Sscan(lines.Text(), &last); err != nil {
		return fmt.Errorf("%w: the last sequence is %q", ErrConfig, lines.Text())
	}
	await(ctx, readers, last)
	cpu = ownCPU() - cpu
	got := received(readers, last)
	got.CPU = cpu
	got.Bytes -= before
	return json.NewEncoder(out).Encode(got)
}

// open opens all streams and waits for the end of every snapshot. Those that it returns are open, also after an error.
func (r Readers) open(ctx context.Context, to target, token string) ([]*streamReader, error) {
	readers := make([]*streamReader, r.Count)
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(openAtOnce)
	for i := range readers {
		group.Go(func() error {
			reader, err := r.openStream(ctx, to, token, i < samples)
			readers[i] = reader
			if err != nil {
				return fmt.Errorf("stream %d of %d: %w", i+1, len(readers), err)
			}
			return nil
		})
	}
	return readers, group.Wait()
}

// openStream returns a reader that has its snapshot; after an error it may be one that has not.
func (r Readers) openStream(ctx context.Context, to target, token string, looks bool) (*streamReader, error) {
	dialer := net.Dialer{Timeout: dialTimeout}
	conn, err := dialer.DialContext(ctx, "tcp", to.addr.String())
	if err != nil {
		return nil, err
	}
	reader := &streamReader{conn: conn, begun: make(chan struct{}), ended: make(chan struct{})}
	if looks {
		reader.late = newTally().latency
		reader.tail.change = func(line []byte) {
			if at, ok := since(line); ok {
				_ = reader.late.RecordValue(max(0, min(time.Since(at), longest).Microseconds())) // fails only above longest
			}
		}
	}
	resume := ""
	if r.After > 0 {
		reader.tail.begun, reader.tail.last = true, r.After
		resume = fmt.Sprintf("Last-Event-ID: %d\r\n", r.After)
	}
	_, err = fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\nAccept: text/event-stream\r\n%s\r\n",
		StreamPath, to.host, token, resume)
	go reader.run()
	if err != nil {
		return reader, err
	}
	select {
	case <-reader.begun:
		return reader, nil
	case <-reader.ended:
		return reader, reader.err
	case <-ctx.Done():
		return reader, context.Cause(ctx)
	}
}

// buffers are what is read into. Readers that wait hold none.
var buffers = sync.Pool{New: func() any {
	b := make([]byte, 256<<10)
	return &b
}}

// run reads until the stream ends.
func (r *streamReader) run() {
	defer close(r.ended)
	for told := false; ; {
		err := readReady(r.conn, func(b []byte) error {
			r.bytes.Add(int64(len(b)))
			return r.tail.feed(b)
		})
		r.last.Store(r.tail.through())
		if r.tail.begun && !told {
			close(r.begun)
			told = true
		}
		if err != nil {
			r.err = err
			return
		}
	}
}

// await blocks until every reader has got last or has ended, for catchUp at most.
func await(ctx context.Context, readers []*streamReader, last uint64) {
	ctx, cancel := context.WithTimeout(ctx, catchUp)
	defer cancel()
	for _, r := range readers {
		for r.last.Load() < last {
			select {
			case <-r.ended:
			default:
				if sleep(ctx, readPoll) {
					continue
				}
			}
			break
		}
	}
}

// totalBytes is what readers have read so far.
func totalBytes(readers []*streamReader) (n int64) {
	for _, r := range readers {
		n += r.bytes.Load()
	}
	return n
}

// received closes the streams and counts.
func received(readers []*streamReader, last uint64) Received {
	got := Received{Readers: len(readers), Same: true}
	late := newTally().latency
	var first *streamReader
	for _, r := range readers {
		got.Bytes += r.bytes.Load()
		select {
		case <-r.ended: // by itself
			got.Cut++
			if got.Fault == "" && r.err != nil {
				got.Fault = r.err.Error()
			}
			continue
		default:
			r.conn.Close()
			<-r.ended
		}
		if errors.Is(r.err, ErrStream) {
			got.Cut++
			got.Fault = r.err.Error()
			continue
		}
		if r.late != nil {
			late.Merge(r.late)
		}
		if r.tail.through() < last {
			got.Behind++
			continue
		}
		if first == nil {
			first = r
			got.Fewest, got.Most = r.tail.changes, r.tail.changes
		}
		got.Fewest, got.Most = min(got.Fewest, r.tail.changes), max(got.Most, r.tail.changes)
		got.Same = got.Same && r.tail.digest == first.tail.digest
	}
	if late.TotalCount() > 0 {
		got.LateP50 = time.Duration(late.ValueAtPercentile(50)) * time.Microsecond
		got.LateP99 = time.Duration(late.ValueAtPercentile(99)) * time.Microsecond
		got.LateMax = time.Duration(late.Max()) * time.Microsecond
	}
	return got
}
