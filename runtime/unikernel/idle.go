package unikernel

import (
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

const (
	defaultHibernateAfter = 10 * time.Second

	// defaultAwake: some thousand processes that share their pages slow a kernel
	// down that has to find all who map a page, and a hypervisor that shadows their
	// page tables.
	defaultAwake = 1024
)

// hibernateAfter is 0 for never.
func (c Config) hibernateAfter() time.Duration {
	switch {
	case c.HibernateAfter < 0:
		return 0
	case c.HibernateAfter == 0:
		return defaultHibernateAfter
	}
	return c.HibernateAfter
}

// maxAwake is at most half of the descriptors that the platform may have: a UC
// that is awake takes one.
func (c Config) maxAwake() int64 {
	most := int64(512)
	var l unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &l) == nil {
		most = int64(min(l.Cur/2, 1<<20))
	}
	if c.Awake > 0 {
		return min(most, int64(c.Awake))
	}
	return min(most, defaultAwake)
}

// hibernateIdle is the goroutine that looks for what was idle for long; Close
// waits for it. It leaves most of a processor to those who are not, unless so
// many are due that it does not keep up.
func (b *Backend) hibernateIdle() {
	const every, share = 100 * time.Millisecond, 20 * time.Millisecond
	after := b.cfg.hibernateAfter()
	tick := time.NewTicker(min(after/4, every))
	defer tick.Stop()
	at := 0
	for work := share; ; {
		select {
		case <-tick.C:
		case <-b.done:
			return
		}
		var done bool
		if at, done = b.hibernateSome(at, after, work); done {
			work = share
		} else {
			work = min(2*work, every)
		}
	}
}

// hibernateSome goes over the ring from a place on, and returns where it stopped,
// and whether that was for want of sandboxes, not of time.
func (b *Backend) hibernateSome(at int, after, work time.Duration) (int, bool) {
	begin := time.Now()
	some, first := b.stretch(at, 4096)
	for i, s := range some {
		if s.hibernate(after) && time.Since(begin) > work {
			return first + i + 1, false
		}
	}
	return first + len(some), true
}

// stretch is up to n sandboxes from a place in the ring on, and that place.
func (b *Backend) stretch(at, n int) ([]*sandbox, int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if at >= len(b.ring) {
		at = 0
	}
	return slices.Clone(b.ring[at:min(at+n, len(b.ring))]), at
}

// awakened counts the UCs that have a process, and has those hibernate that were
// idle longest, more or less, if they are too many: a clock's hand goes over all
// sandboxes, and takes those that had no call since it last came by.
func (b *Backend) awakened(n int) {
	if b.awake.Add(int64(n)) <= b.maxAwake || n < 0 {
		return
	}
	select {
	case b.oversubscribed <- struct{}{}:
	default:
	}
}

// makeRoom is the goroutine of the clock; Close waits for it.
func (b *Backend) makeRoom() {
	for {
		select {
		case <-b.oversubscribed:
		case <-b.done:
			return
		}
		for spared := 0; b.awake.Load() > b.maxAwake; {
			s := b.nextInTurn()
			if s == nil {
				break
			}
			if s.hibernate(0) {
				spared = 0
			} else if spared++; spared > 2*b.count() {
				break // all are busy
			}
		}
	}
}

// reclaim has one UC hibernate before another one gets a process, if makeRoom
// falls behind: what the one gives up the other takes.
func (b *Backend) reclaim() {
	for range 64 {
		if b.awake.Load() < b.maxAwake+int64(b.spares())/2 {
			return
		}
		if s := b.nextInTurn(); s == nil || s.hibernate(0) {
			return
		}
	}
}

// nextInTurn moves the clock's hand.
func (b *Backend) nextInTurn() *sandbox {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.ring) == 0 {
		return nil
	}
	b.hand = (b.hand + 1) % len(b.ring)
	return b.ring[b.hand]
}

func (b *Backend) count() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.ring)
}
