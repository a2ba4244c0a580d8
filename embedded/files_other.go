//go:build !unix

package embedded

// mostConnections is 0 where the system tells no limit.
func mostConnections() int { return 0 }
