package worker

import (
	"context"
	"time"
)

// Pauses before a sandbox is tried again for which the host had no process: one
// that gave way takes some milliseconds to end, and where none is idle another
// invocation has to end.
const (
	minShortPause = 5 * time.Millisecond
	maxShortPause = 200 * time.Millisecond
)

// shortage is the wait of one invocation for a process. The zero value has not
// begun.
type shortage struct {
	since time.Time
	pause time.Duration
}

// makeRoom has the sandbox that was idle longest give way, or a stem cell, and
// waits a moment. It reports whether the invocation is to try again: PlaceWait
// bounds this wait as it bounds the one for a place.
func (c *call) makeRoom(ctx context.Context, s *shortage, why error) bool {
	if s.since.IsZero() {
		s.since, s.pause = time.Now(), minShortPause
		c.report("start a sandbox, so that an idle one gives way,", why)
	}
	if time.Since(s.since) > c.cfg.PlaceWait {
		return false
	}
	c.mu.Lock()
	c.evictOne()
	c.mu.Unlock()
	begin := time.Now()
	timer := time.NewTimer(s.pause)
	defer timer.Stop()
	s.pause = min(2*s.pause, maxShortPause)
	select {
	case <-timer.C:
	case <-ctx.Done():
	case <-c.life.Done():
	}
	c.res.Stages.Queue += time.Since(begin)
	return ctx.Err() == nil && c.life.Err() == nil
}
