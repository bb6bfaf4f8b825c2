package bench

import "time"

// clock keeps a run within its budget. A plan cannot know the time of trials beside their
// limits (waiting for a quiet machine, starting and closing platforms). The clock learns
// that time from the trials so far and shortens the trials to come, each down to the least
// time in which the trial makes sense.
type clock struct {
	deadline        time.Time // zero: no budget
	least, flexible time.Duration
	trials          int           // to come
	beside          time.Duration // time that the trials so far took beside their limits
	ran             int
}

func newClock(budget time.Duration, todo []Trial) *clock {
	c := &clock{trials: len(todo)}
	if budget > 0 {
		c.deadline = time.Now().Add(budget)
	}
	for _, t := range todo {
		c.least, c.flexible = c.least+t.Least, c.flexible+t.Limit-t.Least
	}
	return c
}

// limit is the time for the next trial.
func (c *clock) limit(t Trial) time.Duration {
	flexible := t.Limit - t.Least
	if !c.deadline.IsZero() && c.flexible > 0 {
		room := time.Until(c.deadline) - c.least
		if c.ran > 0 {
			room -= time.Duration(c.trials) * c.beside / time.Duration(c.ran)
		}
		flexible = time.Duration(float64(flexible) * min(1, max(0, float64(room)/float64(c.flexible))))
	}
	c.least, c.flexible, c.trials = c.least-t.Least, c.flexible-(t.Limit-t.Least), c.trials-1
	return t.Least + flexible
}

// done learns from a trial, whose Limit is the one that limit gave.
func (c *clock) done(t Trial, took time.Duration) {
	c.ran++
	c.beside += max(0, took-t.Limit)
}
