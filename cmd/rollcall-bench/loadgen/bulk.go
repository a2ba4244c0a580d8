package loadgen

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"strconv"
	"time"
)

// What is wanted of many events in few requests, of JetStream's asynchronous
// publishing of as many messages.
const (
	wantedLines   = 2
	wantedBatches = 8
)

// BulkBench compares what a node takes over one connection, in lines of JSON and
// in batches of heartbeats, with what a NATS server of its own takes in messages
// of one event each.
type BulkBench struct {
	Place
	// Users are logged in before, and then send in turn.
	Users int
	// Lines are in a request of lines, Batch heartbeats in one of heartbeats.
	Lines, Batch int
	Duration     time.Duration
	Rounds       int
}

// Run returns ErrConfig before anything is started.
func (b BulkBench) Run(ctx context.Context) (Findings, error) {
	if err := positive(named{"--users", int64(b.Users)}, named{"--lines", int64(b.Lines)}, named{"--batch", int64(b.Batch)},
		named{"--duration", int64(b.Duration)}, named{"--rounds", int64(b.Rounds)}); err != nil {
		return Findings{}, err
	}
	return b.find(ctx, b.measure)
}

// taken is what a server took in one run.
type taken struct {
	events    int64
	took, cpu time.Duration
}

func (t taken) rate() float64 { return ratio(float64(t.events), t.took.Seconds()) }

// each is the CPU time an event, in microseconds.
func (t taken) each() float64 { return ratio(float64(t.cpu)/1000, float64(t.events)) }

// bulkLoad is one of the things that are compared.
type bulkLoad struct {
	name   string
	row    string // empty for one that nothing is wanted of
	wanted float64
	server server
	// send sends for that long and returns how many events were acknowledged.
	send func(ctx context.Context, d time.Duration) (int64, error)
	runs []taken
}

func (b BulkBench) measure(ctx context.Context, l launcher, f *Findings) (err error) {
	broker, err := l.start(ctx, "NATS server", l.self, "serve-nats", "--dir", filepath.Join(l.dir, "broker"))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, broker.stop()) }()
	publisher, err := newPublisher(ctx, broker.url)
	if err != nil {
		return err
	}
	defer publisher.close()
	secret := newSecret()
	node, err := l.startNode(ctx, "node", secret, "--timeout", keepLive)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, node.stop()) }()
	a, err := newAsker(node.url, secret)
	if err != nil {
		return err
	}
	if _, err := (&lines{asker: a, kind: "login", users: b.Users, many: b.Users}).post(ctx); err != nil {
		return err
	}
	loads := []*bulkLoad{
		{name: "JetStream, one message each", server: broker.server, send: publisher.send},
		{name: "NDJSON logins", row: "NDJSON logins", wanted: wantedLines, server: node.server,
			send: again((&lines{asker: a, kind: "login", users: b.Users, many: b.Lines}).post)},
		{name: "NDJSON heartbeats", server: node.server,
			send: again((&lines{asker: a, kind: "heartbeat", users: b.Users, many: b.Lines}).post)},
		{name: "heartbeats in batches", row: fmt.Sprintf("heartbeats in batches of %d, one connection", b.Batch), wanted: wantedBatches,
			server: node.server, send: again((&batches{asker: a, users: b.Users, many: b.Batch}).post)},
	}
	for round := range b.Rounds {
		for _, load := range loads {
			if err := b.run(ctx, l, load); err != nil {
				return fmt.Errorf("%s, round %d: %w", load.name, round+1, err)
			}
		}
	}
	f.Setup = fmt.Sprintf("%d users, %d lines or %d heartbeats a request, %s a run; JetStream: %d bytes a message, %d under way, the server's own sync interval",
		b.Users, b.Lines, b.Batch, b.Duration, natsPayload, natsPending)
	reportBulk(f, loads)
	return nil
}

// run warms up, measures one load, and lets its server finish what it does.
func (b BulkBench) run(ctx context.Context, l launcher, load *bulkLoad) error {
	if _, err := load.send(ctx, min(maxWarmup, b.Duration/4)); err != nil {
		return err
	}
	cpu, began := processCPU(load.server.pid), time.Now()
	n, err := load.send(ctx, b.Duration)
	if err != nil {
		return err
	}
	t := taken{events: n, took: time.Since(began), cpu: processCPU(load.server.pid) - cpu}
	load.runs = append(load.runs, t)
	l.say("%s: %.0f a second, %.2f µs of CPU each", load.name, t.rate(), t.each())
	settle(ctx, load.server.pid)
	return nil
}

// reportBulk takes all runs, the first load being what the others are held
// against.
func reportBulk(f *Findings, loads []*bulkLoad) {
	reference := loads[0]
	for _, load := range loads {
		var rates, cpu, ratios []float64
		for i, t := range load.runs {
			rates, cpu = append(rates, t.rate()), append(cpu, t.each())
			ratios = append(ratios, ratio(t.rate(), reference.runs[i].rate()))
			if t.events == 0 {
				f.fault("%s, round %d: nothing was taken", load.name, i+1)
			}
		}
		f.add(load.name+", rate", "/s", rates...)
		f.add(load.name+", CPU an event", "µs", cpu...)
		if load == reference {
			continue
		}
		of := f.add(load.name+", of JetStream", "", ratios...)
		if load.row != "" {
			f.Rows = append(f.Rows, atLeast(load.row, "JetStream async publish", of, load.wanted))
		}
	}
}

// again makes a send of a function that sends one request and returns how many
// events were taken.
func again(post func(context.Context) (int64, error)) func(context.Context, time.Duration) (int64, error) {
	return func(ctx context.Context, d time.Duration) (total int64, err error) {
		for end := time.Now().Add(d); time.Now().Before(end); {
			n, err := post(ctx)
			if err != nil {
				return total, err
			}
			total += n
		}
		return total, nil
	}
}

// lines sends events of one type, a line of JSON each.
type lines struct {
	asker
	kind        string
	users, many int // known to the node, and in one request
	next        int
	body        []byte
}

func (l *lines) post(ctx context.Context) (int64, error) {
	l.body = l.body[:0]
	for range l.many {
		l.body = append(l.body, `{"type":"`...)
		l.body = append(l.body, l.kind...)
		l.body = append(l.body, `","user":"user-`...)
		l.body = strconv.AppendInt(l.body, int64(l.next%l.users), 10)
		l.body = append(l.body, "\"}\n"...)
		l.next++
	}
	return int64(l.many), l.send(ctx, eventsPath, "application/x-ndjson", l.body, l.many)
}

// batches sends heartbeats in protobuf.
type batches struct {
	asker
	users, many int
	next        int
	bodies      [][]byte // made beforehand: it is not the client that is measured
}

func (b *batches) post(ctx context.Context) (int64, error) {
	if b.bodies == nil {
		name := func(i int) string { return "user-" + strconv.Itoa(i%b.users) }
		for from := 0; from < b.users; from += b.many {
			b.bodies = append(b.bodies, batchOf(name, from, from+b.many))
		}
	}
	body := b.bodies[b.next%len(b.bodies)]
	b.next++
	return int64(b.many), b.send(ctx, heartbeatsPath, "application/x-protobuf", body, b.many)
}

// send posts a body that holds n events. It returns ErrFill unless the node took
// all of them.
func (a asker) send(ctx context.Context, path, contentType string, body []byte, n int) error {
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, a.url+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	request.Header.Set("Authorization", "Bearer "+a.token)
	request.Header.Set("Content-Type", contentType)
	response, err := fillClient.Do(request)
	if err != nil {
		return fmt.Errorf("sending events: %w", err)
	}
	defer response.Body.Close()
	var said struct {
		Accepted int `json:"accepted"`
	}
	err = json.NewDecoder(response.Body).Decode(&said)
	if err != nil || response.StatusCode != http.StatusOK || said.Accepted != n {
		return errors.Join(fmt.Errorf("%w: status %d, %d of %d taken", ErrFill, response.StatusCode, said.Accepted, n), err)
	}
	return nil
}
