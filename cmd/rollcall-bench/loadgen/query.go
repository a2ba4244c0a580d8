package loadgen

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"
)

const (
	queryPath = "/v1/users/query"
	// wantedQuery is the most that a query may take at p99, in milliseconds.
	wantedQuery = 5
	// queries is how many different ones are sent in turn.
	queries = 200
)

// QueryBench measures how long a question for many users takes of a node that
// has nothing else to do.
type QueryBench struct {
	Place
	// Known users there are; IDs of them, drawn at random, are in a question.
	Known, IDs  int
	Connections int
	Duration    time.Duration
	Rounds      int
}

// Run returns ErrConfig before anything is started.
func (b QueryBench) Run(ctx context.Context) (Findings, error) {
	if err := positive(named{"--known", int64(b.Known)}, named{"--ids", int64(b.IDs)}, named{"--connections", int64(b.Connections)},
		named{"--duration", int64(b.Duration)}, named{"--rounds", int64(b.Rounds)}); err != nil {
		return Findings{}, err
	}
	return b.find(ctx, b.measure)
}

func (b QueryBench) measure(ctx context.Context, l launcher, f *Findings) (err error) {
	if err := l.importKnown(ctx, "node", b.Known); err != nil {
		return err
	}
	secret := newSecret()
	node, err := l.startNode(ctx, "node", secret)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, node.stop()) }()
	reader, err := scoped(secret, "presence:read", time.Now())
	if err != nil {
		return err
	}
	settleWithin(ctx, node.pid, restTime)
	load := Config{
		URL: node.url, Connections: b.Connections, Warmup: min(maxWarmup, b.Duration/4), Duration: b.Duration, ServerPID: node.pid,
		requests: func(host string, i int) source { return inTurn(b.questions(host, reader, uint64(i))) },
	}
	var p50, p99, most, rates, cpu []float64
	for i := range b.Rounds {
		r, err := Run(ctx, load)
		if err != nil {
			return err
		}
		l.say("%.0f questions a second, p50 %s, p99 %s, %s of CPU each", r.Rate, r.P50, r.P99, r.CPUEach())
		f.refused(fmt.Sprintf("round %d", i+1), r, 200)
		p50, p99, most = append(p50, milliseconds(r.P50)), append(p99, milliseconds(r.P99)), append(most, milliseconds(r.Max))
		rates, cpu = append(rates, r.Rate), append(cpu, float64(r.CPUEach())/1000)
	}
	f.Setup = fmt.Sprintf("%d ids a question, %d known users, %d connections, %s a run", b.IDs, b.Known, b.Connections, b.Duration)
	f.add("questions", "/s", rates...)
	f.add("p50", "ms", p50...)
	tail := f.add("p99", "ms", p99...)
	f.add("max", "ms", most...)
	f.add("node's CPU a question", "µs", cpu...)
	f.Rows = []Row{atMost(fmt.Sprintf("POST %s, %d ids, %d known, idle, p99", queryPath, b.IDs, b.Known), "", tail, "ms", wantedQuery)}
	return f.knows(ctx, node, secret, int64(b.Known))
}

// questions are what one connection asks in turn. A seed gives always the same.
func (b QueryBench) questions(host, token string, seed uint64) [][]byte {
	draw := rand.New(rand.NewPCG(seed, queries))
	requests := make([][]byte, queries)
	for i := range requests {
		ids := make([]string, b.IDs)
		for k := range ids {
			ids[k] = filledName(draw.IntN(b.Known))
		}
		body, _ := json.Marshal(map[string][]string{"users": ids}) // strings cannot fail
		requests[i] = fmt.Appendf(nil, "POST %s HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s",
			queryPath, host, token, len(body), body)
	}
	return requests
}
