package api

import (
	"context"
	"sync"
	"time"
)

const (
	// paceRate is how many answers a second go out at once that cost their client nothing: refusals, and pages for
	// anybody. paceBurst is how many may come together.
	paceRate, paceBurst = 100, 100
	// paceRest is for how long one above that is kept waiting. Who asks again at once on every connection that there
	// is gets few answers then, and takes little of the processor from others.
	paceRest = 250 * time.Millisecond
)

// pace slows down answers that no limit by user slows down, when there are very many.
type pace struct {
	mu     sync.Mutex // guards the rest
	tokens float64
	at     time.Time
}

// keep returns at once, or, where too many came before, after cost times paceRest or when ctx ends. cost is 1 for a
// short answer.
func (p *pace) keep(ctx context.Context, cost int) {
	now := time.Now()
	p.mu.Lock()
	if p.at.IsZero() {
		p.tokens = paceBurst
	} else {
		p.tokens = min(paceBurst, p.tokens+now.Sub(p.at).Seconds()*paceRate)
	}
	p.at = now
	over := p.tokens < 1
	if !over {
		p.tokens -= float64(cost)
	}
	p.mu.Unlock()
	if !over {
		return
	}
	rest := time.NewTimer(time.Duration(cost) * paceRest)
	defer rest.Stop()
	select {
	case <-rest.C:
	case <-ctx.Done():
	}
}
