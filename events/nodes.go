package events

import "time"

// Nodes knows which nodes write the log and when each was heard last, in covered
// time. What a node has not heard because it was cut off from the log is no
// user's silence: while its commits are missing, the sessions that it heard last
// do not run down. The zero value knows none.
type Nodes struct {
	list []Node
}

// Node is one of them.
type Node struct {
	ID      string `json:"id"`
	Last    int64  `json:"last"`              // covered time of its last commit, Clock's milliseconds
	Resumed int64  `json:"resumed,omitempty"` // covered time at which it was heard again after it had been missing; 0: never
	Gone    bool   `json:"gone,omitempty"`    // it has said that it goes
}

const (
	// NodeMissing is how long a node that is there is silent at most: it writes a
	// mark every AlivePeriod.
	NodeMissing = AlivePeriod + time.Second
	// NodeAwaited is how long a missing node is waited for.
	NodeAwaited = 10 * time.Minute
	// nodeForgotten is after how long a node's number is given to another: no
	// session that it heard can be live any more.
	nodeForgotten = time.Hour
)

// Hear notes that a commit of the node id is at the covered time now, and returns
// the node's number, from 1; 0 where id is empty. going says that it is the
// node's last one.
func (n *Nodes) Hear(id []byte, now int64, going bool) uint16 {
	if len(id) == 0 {
		return 0
	}
	free := -1
	for i := range n.list {
		k := &n.list[i]
		if k.ID == string(id) {
			if now-k.Last > NodeMissing.Milliseconds() {
				k.Resumed = now
			}
			k.Last, k.Gone = now, going
			return uint16(i + 1)
		}
		if now-k.Last > nodeForgotten.Milliseconds() {
			free = i
		}
	}
	k := Node{ID: string(id), Last: now, Gone: going}
	switch {
	case free >= 0:
		n.list[free] = k
		return uint16(free + 1)
	case len(n.list) == 1<<16-1:
		return 0
	}
	n.list = append(n.list, k)
	return uint16(len(n.list))
}

// All returns the nodes by their numbers, from 1, for a checkpoint.
func (n *Nodes) All() []Node { return append([]Node(nil), n.list...) }

// Restore is the inverse of All.
func (n *Nodes) Restore(list []Node) { n.list = list }

// Shift moves all times by ms, onto another covered clock.
func (n *Nodes) Shift(ms int64) {
	for i := range n.list {
		k := &n.list[i]
		if k.Last += ms; k.Resumed != 0 {
			k.Resumed += ms
		}
	}
}

// Counted returns from when on, in covered time, the silence of a session counts
// that the node with this number heard last, at the covered time heard, and up to
// when; now is the covered time.
func (n *Nodes) Counted(number uint16, heard, now int64) (from, to int64) {
	if number == 0 || int(number) > len(n.list) {
		return heard, now
	}
	k := &n.list[number-1]
	if missing := now - k.Last; !k.Gone && missing > NodeMissing.Milliseconds() && missing < NodeAwaited.Milliseconds() {
		now = k.Last
	}
	return max(heard, k.Resumed), now
}
