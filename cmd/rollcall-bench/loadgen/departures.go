package loadgen

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// departure is a filled user who was seen going offline.
type departure struct {
	user     int
	at       time.Time // when it was seen
	lastSeen time.Time // of the last beat, by the node's clock
}

// departures is a reader of a node's live stream who notes who goes offline.
type departures struct {
	asker
	stop  context.CancelFunc
	ended chan struct{} // closed when it reads no more; seen and err may be read then
	seen  []departure
	below int          // users before it are counted
	low   atomic.Int64 // how many of them have gone
	err   atomic.Pointer[error]
	once  sync.Once
	last  string // the id of the change that came last
}

// watchDepartures reads every change after that sequence, and counts the users
// before below. Its close must be called.
func watchDepartures(ctx context.Context, a asker, after uint64, below int) (*departures, error) {
	ctx, cancel := context.WithCancel(ctx)
	d := &departures{asker: a, below: below, stop: cancel, ended: make(chan struct{}), last: strconv.FormatUint(after, 10)}
	body, err := d.open(ctx)
	if err != nil {
		cancel()
		return nil, err
	}
	go func() {
		defer close(d.ended)
		d.run(ctx, body)
	}()
	return d, nil
}

// open opens the stream after the last change that came.
func (d *departures) open(ctx context.Context) (io.ReadCloser, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, d.url+StreamPath, nil)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Authorization", "Bearer "+d.token)
	request.Header.Set("Accept", "text/event-stream")
	request.Header.Set("Last-Event-ID", d.last)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, fmt.Errorf("opening the live stream: %w", err)
	}
	if response.StatusCode != http.StatusOK {
		response.Body.Close()
		return nil, fmt.Errorf("%w: status %d", ErrStream, response.StatusCode)
	}
	return response.Body, nil
}

// run reads until ctx ends. A stream that is cut is resumed, as the contract
// allows a reader who was too slow.
func (d *departures) run(ctx context.Context, body io.ReadCloser) {
	for {
		err := d.read(body)
		body.Close()
		if err == nil && ctx.Err() == nil {
			body, err = d.open(ctx)
		}
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			d.err.Store(&err)
			return
		}
	}
}

// read takes changes until the stream ends. It returns ErrStream where changes
// are no longer there.
func (d *departures) read(body io.Reader) error {
	lines := bufio.NewReaderSize(body, 256<<10)
	for {
		line, err := lines.ReadSlice('\n')
		if err != nil {
			if errors.Is(err, bufio.ErrBufferFull) {
				return fmt.Errorf("%w: a line of more than %d bytes", ErrStream, lines.Size())
			}
			return nil // cut, or closed here
		}
		line = bytes.TrimRight(line, "\r\n")
		if id, ok := bytes.CutPrefix(line, []byte("id: ")); ok {
			d.last = string(id)
			continue
		}
		if bytes.Equal(line, []byte("event: reset")) {
			return fmt.Errorf("%w: changes after %s are no longer there", ErrStream, d.last)
		}
		if gone, ok := parseDeparture(line); ok {
			gone.at = time.Now()
			d.seen = append(d.seen, gone)
			if gone.user < d.below {
				d.low.Add(1)
			}
		}
	}
}

// parseDeparture reads the data of a change to offline of a filled user.
func parseDeparture(line []byte) (departure, bool) {
	if !bytes.HasPrefix(line, []byte("data: ")) || !bytes.Contains(line, []byte(`"status":"offline"`)) {
		return departure{}, false
	}
	number, ok := bytes.CutPrefix(member(line, `"user":"`), []byte("user-"))
	user, err := strconv.Atoi(string(number))
	if !ok || err != nil {
		return departure{}, false
	}
	at, err := time.Parse(time.RFC3339Nano, string(member(line, `"last_seen":"`)))
	return departure{user: user, lastSeen: at}, err == nil
}

// member is the text of a member of a JSON object that needs no unescaping; key
// has the quotes and the colon.
func member(line []byte, key string) []byte {
	_, rest, _ := bytes.Cut(line, []byte(key))
	value, _, _ := bytes.Cut(rest, []byte(`"`))
	return value
}

// count is how many of the counted users have gone so far.
func (d *departures) count() int { return int(d.low.Load()) }

// failed is why it reads no more, unless it was closed.
func (d *departures) failed() error {
	if err := d.err.Load(); err != nil {
		return *err
	}
	return nil
}

// close ends the reader and returns what it has seen.
func (d *departures) close() []departure {
	d.once.Do(func() {
		d.stop()
		<-d.ended
	})
	return d.seen
}
