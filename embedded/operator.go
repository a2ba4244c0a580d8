package embedded

import (
	"context"

	"github.com/rollcall-dev/rollcall/projections/mirror"
)

// operator is what the API may ask of a running node.
type operator struct {
	n *Node
	p *parts
}

// Verify is part of api.Operator.
func (o operator) Verify(ctx context.Context, report func(mirror.Progress)) ([]mirror.Comparison, error) {
	return o.n.verify(ctx, o.p, report)
}

// Rebuild is part of api.Operator.
func (o operator) Rebuild(ctx context.Context, which string, report func(mirror.Progress)) error {
	return o.n.rebuild(ctx, o.p, which, report)
}
