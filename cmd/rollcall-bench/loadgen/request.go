package loadgen

import (
	"cmp"
	"fmt"
)

// source gives the next request of one connection, whole and as it goes over the wire, valid until the next call. One
// goroutine calls it.
type source func() []byte

// inTurn gives the requests one after the other, again and again.
func inTurn(requests [][]byte) source {
	next := 0
	return func() []byte {
		request := requests[next]
		if next++; next == len(requests) {
			next = 0
		}
		return request
	}
}

// requestBytes is one whole request for each token, as it goes over the wire.
func requestBytes(cfg Config, host string) [][]byte {
	requests := make([][]byte, len(cfg.Tokens))
	path := cmp.Or(cfg.Path, HeartbeatPath)
	for i, token := range cfg.Tokens {
		requests[i] = fmt.Appendf(nil, "POST %s HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\nContent-Length: 0\r\n\r\n",
			path, host, token)
	}
	return requests
}

// share is what connection i of n sends: every n-th request from its i-th on; one that others send too where there are
// more connections than requests.
func share(requests [][]byte, i, n int) [][]byte {
	if i >= len(requests) {
		return [][]byte{requests[i%len(requests)]}
	}
	var own [][]byte
	for ; i < len(requests); i += n {
		own = append(own, requests[i])
	}
	return own
}
