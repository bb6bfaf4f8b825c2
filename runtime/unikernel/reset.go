package unikernel

import (
	"context"
	"errors"
	"time"

	"golang.org/x/sys/unix"

	"github.com/lambdabench/lambdabench/runtime/driver"
	"github.com/lambdabench/lambdabench/runtime/unikernel/abi"
)

// A UC that has served becomes a spare again: its zygote writes over every page
// that is its own what it was forked with. The process, its page tables and the
// pages that every function writes are there already when the next order
// comes, so that a deploy costs neither a fork nor page faults, and the end of a
// UC not the end of a process. What makes this safe stands in abi/uc.h at
// UC_SLEEP_CALL and in csrc/tender/reset.c.

const (
	// resetPatience bounds the wait for a UC to come to where it can be reset.
	// One that does not is busy, or hostile, and is killed.
	resetPatience = 20 * time.Millisecond

	// resetPages is how many pages of its own a UC may have to be worth it.
	resetPages = 2048
)

// reset puts the UC of a sandbox that ends back into the pool. If it reports false,
// the UC is as good as dead: kill it.
func (s *sandbox) reset() bool {
	s.mu.Lock()
	plain := s.parent != nil && s.session != nil && s.net == nil && !s.doomed && !s.yields
	s.mu.Unlock()
	n := s.uc.zygote
	if !plain || s.channel.end.Load() != nil || s.channel.pins != nil || !n.pool.admits(s.past()) {
		return false
	}
	if !s.leaveCPU() {
		return false
	}
	var again spare
	ok := false
	err := s.session.Hold(func(driver.State) error {
		// From here on the UC is nobody's: no call may find it again.
		s.killed.Do(func() { again, ok = s.resetToSpare() })
		return nil
	})
	if err != nil || !ok {
		return false
	}
	s.session.Close()
	n.keep(again)
	return true
}

// resetToSpare returns the spare that the UC is now, or false after it told the
// zygote to kill it.
func (s *sandbox) resetToSpare() (spare, bool) {
	next := s.backend.runOrder(abi.Resume, s.uc.zygote, s.limits)
	fd, id, ok := -1, s.uc.id, false
	if s.rollBack(next) == nil {
		id = nextID(id)
		fd, ok = s.channel.detach()
	}
	if !ok {
		s.uc.zygote.forget(id)
		return spare{}, false
	}
	s.channel.closed.Store(true)
	if !drained(fd) {
		s.uc.zygote.forget(id)
		unix.Close(fd)
		return spare{}, false
	}
	return spare{zygote: s.uc.zygote, id: id, fd: fd, told: next, ran: s.past()}, true
}

// rollBack renews the UC's memory. One that waits for a timer, or still works, is
// told to stop.
func (s *sandbox) rollBack(next *runOrder) error {
	n := s.uc.zygote
	try := func() error {
		_, _, err := n.askWith(order{op: opReset, id: s.uc.id, a: resetPages, b: uint64(nextID(s.uc.id))}, func(scratch []byte) {
			packet, _ := next.encode()
			copy(scratch, packet)
		}, nil)
		return err
	}
	err := try()
	if !errors.Is(err, unix.EAGAIN) {
		return err
	}
	if err := s.channel.send(abi.Msg{Type: abi.Sleep}, nil); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), resetPatience)
	defer cancel()
	return s.awaitQuiescence(ctx, try)
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

// drained takes what the UC said before it was reset out of its channel: it
// says nothing further. It reports false at the channel's end.
func drained(fd int) bool {
	var b [1]byte
	for {
		switch n, _, err := unix.Recvfrom(fd, b[:], unix.MSG_DONTWAIT|unix.MSG_TRUNC); {
		case err == unix.EINTR:
		case err == unix.EAGAIN:
			return true
		case err != nil || n == 0:
			return false
		}
	}
}

// reuse gives a spare that served before its order, unless it was told all of it
// when it was reset.
func (n *zygote) reuse(uc spare, r *runOrder) error {
	if told := uc.told; r.plain() && told.memLimit == r.memLimit && told.threads == r.threads {
		r.pid = told.pid
		return nil
	}
	packet, spilled := r.encode()
	_, _, err := n.askWith(order{op: opReuse, id: uc.id}, func(scratch []byte) {
		copy(scratch[copy(scratch, packet):], spilled)
	}, nil)
	return err
}
