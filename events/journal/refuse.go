package journal

// Refuse makes the journal take nothing until Refuse(nil): whoever appends, or
// waits in the queue, gets the reason at once and nothing of his is stored. It
// must wrap an error of this package. A publish under way is not touched. Alive
// marks are not written either, so covered time stands still: nobody can be
// heard. That holds only where a refusal lasts longer than events.MaxGap.
func (j *Journal) Refuse(reason error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.refusal = reason
}

func (j *Journal) refused() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.refusal
}

// turnAway answers those who wait with err.
func (j *Journal) turnAway(waiting []*entry, err error) {
	for _, e := range waiting {
		o := outcome{err: err}
		j.metrics.count(e, o)
		e.done <- o
	}
}
