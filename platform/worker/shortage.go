package worker

import (
	"context"
	"time"
)

// Pauses before a start is tried again for which the host had no process. A sandbox
// that is closed takes some milliseconds to end; where none is idle, another
// invocation has to end first.
const (
	minShortPause = 5 * time.Millisecond
	maxShortPause = 200 * time.Millisecond
)

// shortage is the wait of one invocation for a process. The zero value is a wait that
// has not begun.
type shortage struct {
	since time.Time
	pause time.Duration
}

// makeRoom closes the sandbox that was idle longest, or a stem cell, and waits. It
// reports whether the invocation is to try again. PlaceWait bounds this wait as it
// bounds the wait for a place.
func (c *call) makeRoom(ctx context.Context, s *shortage, why error) bool {
	if s.since.IsZero() {
		s.since, s.pause = time.Now(), minShortPause
		c.w.report("start a sandbox, so that an idle one gives way,", why)
	}
	if time.Since(s.since) > c.w.cfg.PlaceWait {
		return false
	}
	c.w.mu.Lock()
	c.w.evictOne()
	c.w.mu.Unlock()
	c.pause(ctx, s.pause)
	s.pause = min(2*s.pause, maxShortPause)
	return ctx.Err() == nil && c.w.life.Err() == nil
}
