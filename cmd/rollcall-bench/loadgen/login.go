package loadgen

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"hash"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"
)

const (
	loginPath = "/v1/login"
	// wantedLogins is what is wanted of logins, of the handler that only answers
	// 204.
	wantedLogins = 0.35
)

// LoginBench compares logins, each of a user that the node has never heard of,
// with the Baseline.
type LoginBench struct {
	Place
	Connections int
	Duration    time.Duration
	Rounds      int
}

// Run returns ErrConfig before anything is started.
func (b LoginBench) Run(ctx context.Context) (Findings, error) {
	if err := positive(named{"--connections", int64(b.Connections)}, named{"--duration", int64(b.Duration)}, named{"--rounds", int64(b.Rounds)}); err != nil {
		return Findings{}, err
	}
	return b.find(ctx, b.measure)
}

func (b LoginBench) measure(ctx context.Context, l launcher, f *Findings) (err error) {
	handler, err := l.startBaseline(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, handler.stop()) }()
	secret := newSecret()
	node, err := l.startNode(ctx, "node", secret, "--timeout", keepLive)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, node.stop()) }()
	logins := &newcomers{secret: secret, expires: time.Now().Add(tokenTTL).Unix()}
	rounds, err := comparison{
		baseline: handler.server, node: node.server, rounds: b.Rounds, progress: l.say,
		load: Config{Warmup: min(maxWarmup, b.Duration/4), Duration: b.Duration, requests: logins.source},
	}.at(ctx, b.Connections)
	if err != nil {
		return err
	}
	f.Setup = fmt.Sprintf("%d connections, %s a run, each login of a new user", b.Connections, b.Duration)
	f.addRounds("204 handler", "node", rounds)
	var sent int64
	for i, r := range rounds {
		f.refused(fmt.Sprintf("handler, round %d", i+1), r.Baseline, http.StatusNoContent)
		f.refused(fmt.Sprintf("node, round %d", i+1), r.Node, http.StatusOK)
		sent += r.Node.Statuses[http.StatusOK]
	}
	if err := f.knows(ctx, node, secret, sent); err != nil {
		return err
	}
	f.Rows = []Row{atLeast(fmt.Sprintf("logins of new users, %d connections", b.Connections), "204 handler",
		medianOf(rounds, func(r Round) float64 { return r.Ratio }), wantedLogins)}
	return nil
}

// knows takes whether the node knows as many users as it has answered for.
func (f *Findings) knows(ctx context.Context, node *process, secret []byte, users int64) error {
	a, err := newAsker(node.url, secret)
	if err != nil {
		return err
	}
	var last standing
	err = poll(ctx, "counting users", time.Minute, func() (bool, error) {
		last, err = a.standing(ctx)
		return int64(last.Users) >= users, err
	})
	if err != nil && ctx.Err() != nil {
		return err
	}
	if int64(last.Users) != users {
		f.fault("the node knows %d users and has acknowledged %d", last.Users, users)
	}
	return nil
}

// newcomers make logins, each with the token of another user. Tokens are signed
// as they are sent: a round needs some hundred thousand of them.
type newcomers struct {
	secret  []byte
	expires int64 // Unix time
	last    atomic.Int64
}

// source gives the logins of one connection; it allocates nothing.
func (n *newcomers) source(host string, _ int) source {
	head := fmt.Appendf(nil, "POST %s HTTP/1.1\r\nHost: %s\r\nContent-Length: 0\r\nAuthorization: Bearer ", loginPath, host)
	request := make([]byte, 0, 1024)
	signer := newSigner(n.secret)
	return func() []byte {
		request = append(request[:0], head...)
		request = signer.sign(request, n.last.Add(1), n.expires)
		return append(request, "\r\n\r\n"...)
	}
}

// signer makes HS256 tokens of the users login-1, login-2 and so on.
type signer struct {
	mac    hash.Hash
	claims []byte
	sum    []byte
}

func newSigner(secret []byte) *signer {
	return &signer{mac: hmac.New(sha256.New, secret), claims: make([]byte, 0, 128), sum: make([]byte, 0, sha256.Size)}
}

// sign appends the token of user i.
func (s *signer) sign(to []byte, i, expires int64) []byte {
	const header = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9" // {"alg":"HS256","typ":"JWT"}
	s.claims = append(s.claims[:0], `{"sub":"login-`...)
	s.claims = strconv.AppendInt(s.claims, i, 10)
	s.claims = append(s.claims, `","exp":`...)
	s.claims = strconv.AppendInt(s.claims, expires, 10)
	s.claims = append(s.claims, '}')
	begin := len(to)
	to = append(to, header...)
	to = append(to, '.')
	to = base64.RawURLEncoding.AppendEncode(to, s.claims)
	s.mac.Reset()
	s.mac.Write(to[begin:])
	s.sum = s.mac.Sum(s.sum[:0])
	to = append(to, '.')
	return base64.RawURLEncoding.AppendEncode(to, s.sum)
}
