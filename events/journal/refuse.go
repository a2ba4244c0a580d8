package journal

// Refuse makes the journal take nothing until Refuse(nil): whoever appends, or
// waits in the queue, gets the reason at once and nothing of theirs is stored. It
// must wrap an error of this package. A publish under way is not touched. Marks
// are not written either, so covered time does not go on: nobody can be heard.
// That holds only where a refusal lasts longer than events.MaxGap.
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

// turnAway answers those whose items the committer has not tried with err.
func (j *Journal) turnAway(err error) {
	for _, s := range j.todo {
		s.e.err = err
		j.settle(s.e)
	}
}
