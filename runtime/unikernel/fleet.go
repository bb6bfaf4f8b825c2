package unikernel

import (
	"slices"
	"sync"
	"sync/atomic"
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

// fleet are all sandboxes, and those whose turn it is to hibernate. M is *sandbox.
type fleet[M member] struct {
	awake          atomic.Int64 // that have a process
	maxAwake       int64
	slack          int64 // how many above maxAwake are awake before reclaim helps
	oversubscribed chan struct{}
	done           chan struct{} // closed at the end

	mu   sync.Mutex
	ring []M // guarded by mu
	hand int // of the clock that goes over ring; guarded by mu
}

// member is a sandbox as the fleet knows it.
type member interface {
	hibernate(idle time.Duration) bool
	place() *int // in the ring; guarded by the fleet's mu
}

// maxAwake is at most half of the descriptors that the platform may have: a UC
// that is awake takes one.
func maxAwake(wanted int) int64 {
	most := int64(512)
	var l unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &l) == nil {
		most = int64(min(l.Cur/2, 1<<20))
	}
	if wanted > 0 {
		return min(most, int64(wanted))
	}
	return min(most, defaultAwake)
}

func (f *fleet[M]) add(m M) {
	f.mu.Lock()
	defer f.mu.Unlock()
	*m.place() = len(f.ring)
	f.ring = append(f.ring, m)
}

func (f *fleet[M]) remove(m M) {
	f.mu.Lock()
	defer f.mu.Unlock()
	last := len(f.ring) - 1
	at := *m.place()
	f.ring[at] = f.ring[last]
	*f.ring[at].place() = at
	clear(f.ring[last:])
	f.ring = f.ring[:last]
}

// all are the sandboxes that live.
func (f *fleet[M]) all() []M {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.ring)
}

func (f *fleet[M]) count() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.ring)
}

// some are up to n sandboxes from a place in the ring on, and that place.
func (f *fleet[M]) some(at, n int) ([]M, int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if at >= len(f.ring) {
		at = 0
	}
	return slices.Clone(f.ring[at:min(at+n, len(f.ring))]), at
}

// next moves the clock's hand.
func (f *fleet[M]) next() (m M, ok bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.ring) == 0 {
		return m, false
	}
	f.hand = (f.hand + 1) % len(f.ring)
	return f.ring[f.hand], true
}

// hibernateIdle has sandboxes hibernate that were idle for long, until the end. It
// leaves most of a processor to others, unless so many sandboxes are due that it
// does not keep up.
func (f *fleet[M]) hibernateIdle(after time.Duration) {
	const every, share = 100 * time.Millisecond, 20 * time.Millisecond
	tick := time.NewTicker(min(after/4, every))
	defer tick.Stop()
	at := 0
	for work := share; ; {
		select {
		case <-tick.C:
		case <-f.done:
			return
		}
		var done bool
		if at, done = f.hibernateSome(at, after, work); done {
			work = share
		} else {
			work = min(2*work, every)
		}
	}
}

// hibernateSome goes over the ring from a place on. It returns where it stopped,
// and whether that was for want of sandboxes, not of time.
func (f *fleet[M]) hibernateSome(at int, after, work time.Duration) (int, bool) {
	begin := time.Now()
	some, first := f.some(at, 4096)
	for i, m := range some {
		if m.hibernate(after) && time.Since(begin) > work {
			return first + i + 1, false
		}
	}
	return first + len(some), true
}

// awakened counts the sandboxes that have a process. Where these are too many,
// those hibernate that were idle longest, more or less: a clock's hand goes over
// all sandboxes, and takes those that had no call since it last came by.
func (f *fleet[M]) awakened(n int) {
	if f.awake.Add(int64(n)) <= f.maxAwake || n < 0 {
		return
	}
	select {
	case f.oversubscribed <- struct{}{}:
	default:
	}
}

// makeRoom moves the clock, until the end.
func (f *fleet[M]) makeRoom() {
	for {
		select {
		case <-f.oversubscribed:
		case <-f.done:
			return
		}
		for spared := 0; f.awake.Load() > f.maxAwake; {
			m, ok := f.next()
			if !ok {
				break
			}
			if m.hibernate(0) {
				spared = 0
			} else if spared++; spared > 2*f.count() {
				break // all are busy
			}
		}
	}
}

// reclaim has one sandbox hibernate before another gets a process, if makeRoom
// falls behind: the other takes the process that the first gives up.
func (f *fleet[M]) reclaim() {
	for range 64 {
		if f.awake.Load() < f.maxAwake+f.slack {
			return
		}
		if m, ok := f.next(); !ok || m.hibernate(0) {
			return
		}
	}
}
