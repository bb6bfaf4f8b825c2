package unikernel

import (
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// A process may have some ten or twenty thousand descriptors, and often not
// even root can raise that. So idle UCs beyond a number have the platform's end
// of their channel parked: in a locker, a process of the tender that does
// nothing but hold descriptors. It comes back with the next call.

// lockerRoom is how many channels one locker holds, at most.
const lockerRoom = 16000

// locker is a tender that holds parked channels.
type locker struct {
	*tenderRoot
	room int // guarded by Backend.parking
	free []uint32
	next uint32
}

// place is where a channel is parked.
type place struct {
	locker *locker
	id     uint32
}

// maxOpen is how many channels the platform holds itself.
func maxOpen() int {
	var l unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &l); err != nil {
		return 512
	}
	return int(min(l.Cur/2, 1<<20))
}

// enter begins a call of a sandbox: its channel is there until leave.
func (s *sandbox) enter() error {
	s.resting.RLock()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls++
	s.touched = true
	s.trimmed = false
	if s.parked == nil {
		return nil
	}
	fd, err := s.backend.unpark(*s.parked)
	if err != nil {
		s.calls--
		s.resting.RUnlock()
		return fmt.Errorf("fetch the parked channel: %w", err)
	}
	s.parked = nil
	s.channel.reopen(fd)
	s.backend.opened(1)
	return nil
}

func (s *sandbox) leave() {
	s.mu.Lock()
	s.calls--
	s.left = time.Now()
	s.mu.Unlock()
	s.resting.RUnlock()
}

// park parks the channel if no call is under way and none was lately.
func (s *sandbox) park() (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.touched || s.calls > 0 || s.parked != nil || s.closed || s.net != nil {
		s.touched = false
		return false, nil
	}
	fd, ok := s.channel.detach()
	if !ok {
		return false, nil
	}
	at, err := s.backend.park(fd)
	if err != nil {
		s.channel.reopen(fd)
		return false, err
	}
	unix.Close(fd)
	s.parked = &at
	s.backend.opened(-1)
	return true, nil
}

// detach takes the descriptor out of a channel that nobody uses.
func (c *channel) detach() (int, bool) {
	c.use.Lock()
	defer c.use.Unlock()
	if c.closed.Load() || len(c.left) > 0 || c.pins != nil {
		return -1, false
	}
	fd := c.fd
	if f := c.file.Swap(nil); f != nil {
		dup, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 3)
		f.Close()
		if err != nil {
			return -1, false
		}
		// As it was before the first long wait.
		_ = unix.SetNonblock(dup, false)
		fd = dup
	}
	c.fd = -1
	return fd, true
}

func (c *channel) reopen(fd int) {
	c.use.Lock()
	c.fd = fd
	c.use.Unlock()
}

// park gives a descriptor to a locker that has room, or a new one.
func (b *Backend) park(fd int) (place, error) {
	b.parking.Lock()
	defer b.parking.Unlock()
	var l *locker
	for _, k := range b.lockers {
		if k.room > 0 {
			l = k
		}
	}
	if l == nil {
		root, err := startRoot()
		if err != nil {
			return place{}, err
		}
		l = &locker{tenderRoot: root, room: min(lockerRoom, maxOpen()*2-64)}
		b.lockers = append(b.lockers, l)
	}
	id := l.next
	if n := len(l.free); n > 0 {
		id, l.free = l.free[n-1], l.free[:n-1]
	} else {
		l.next++
	}
	r, _, err := l.ask(order{op: opPark, id: id}, nil, fd)
	if err == nil && r.err != 0 {
		err = r.err
	}
	if err != nil {
		return place{}, fmt.Errorf("park a channel: %w", err)
	}
	l.room--
	return place{l, id}, nil
}

// unpark fetches a descriptor.
func (b *Backend) unpark(at place) (int, error) {
	r, fd, err := at.locker.ask(order{op: opUnpark, id: at.id}, nil)
	if err == nil && r.err != 0 {
		err = r.err
	}
	if err == nil && fd < 0 {
		err = os.ErrNotExist
	}
	if err != nil {
		return -1, err
	}
	b.parking.Lock()
	at.locker.room++
	at.locker.free = append(at.locker.free, at.id)
	b.parking.Unlock()
	return fd, nil
}

// opened counts the channels that the platform holds, and parks those that
// were idle longest, more or less: a clock's hand goes over all sandboxes, and
// takes those that had no call since it last came by.
func (b *Backend) opened(n int) {
	if b.open.Add(int64(n)) <= int64(b.maxOpen) || n < 0 {
		return
	}
	select {
	case b.crowded <- struct{}{}:
	default:
	}
}

// parkIdle is the goroutine that makes room; Close waits for it.
func (b *Backend) parkIdle() {
	for {
		select {
		case <-b.crowded:
		case <-b.done:
			return
		}
		for spared := 0; b.open.Load() > int64(b.maxOpen*7/8); {
			s := b.nextInTurn()
			if s == nil {
				break
			}
			s.trim(0)
			ok, err := s.park()
			if err != nil {
				break // the channels stay where they are
			}
			if ok {
				spared = 0
			} else if spared++; spared > 2*b.count() {
				break // all are busy
			}
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
