// Package client speaks Rollcall's HTTP contract from Go: it tells a node who is there, asks it who is, and sets
// overrides.
//
// Every call goes to the node at once and only once. A call that the node refuses returns a *Problem with the code of
// the contract; one that reached no node returns the transport's error, and whether a write took effect is then unknown:
// repeat it with the same Key.
package client
