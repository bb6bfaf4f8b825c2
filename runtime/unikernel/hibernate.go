package unikernel

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"

	"github.com/lambdabench/lambdabench/runtime/driver"
	"github.com/lambdabench/lambdabench/runtime/isolation"
	"github.com/lambdabench/lambdabench/runtime/unikernel/abi"
	"github.com/lambdabench/lambdabench/runtime/unikernel/snapshot"
)

// A UC that is idle needs no process. What stands in the way of many of them
// are page tables, mappings and descriptors, and most pages that a UC has
// written differ by a few words from those that it began with. So an idle UC
// hibernates: these words are kept (csrc/tender/patches.c), its process becomes a
// spare again or ends, and the next call lays the words over a spare: the same
// UC, with its own process id, random state and connections. Its connections
// stand still meanwhile. A UC that waits for a timer, or said something that
// nobody has read, stays as it is.

const (
	// hibernatePatience is how long a UC has time to come to its sleep. A call
	// that comes meanwhile waits, and while its pages are looked at.
	hibernatePatience = 5 * time.Millisecond

	// hibernateAgain is when a UC is tried again that could not.
	hibernateAgain = 10 * time.Second
)

// errTalks: the UC has said something that no call has read yet.
var errTalks = errors.New("the unikernel context has unread messages")

// hibernated is a UC without a process.
type hibernated struct {
	patches []snapshot.Slot // hold bytes bytes
	bytes   int
	over    chan struct{} // closed when it wakes, or is no more
}

// hibernate takes the process away from a UC that was idle for so long (0: since
// the clock's hand was here, see idle.go). It reports whether it did.
func (s *sandbox) hibernate(idle time.Duration) bool {
	if !s.due(idle) {
		return false
	}
	err := s.tryHibernate()
	if errors.Is(err, errTalks) && s.listen() {
		err = s.tryHibernate()
	}
	return err == nil
}

func (s *sandbox) tryHibernate() error {
	if !s.resting.TryLock() {
		return isolation.ErrBusy
	}
	defer s.resting.Unlock()
	if s.isEnding() {
		return isolation.ErrClosed
	}
	if s.asleep != nil || s.channel.pins != nil {
		return isolation.ErrBusy
	}
	return s.session.Hold(func(st driver.State) error {
		if st.Unread {
			return errTalks
		}
		h, err := s.takePatches()
		if err == nil {
			s.giveUpProcess(h)
		}
		return err
	})
}

// hibernated is nil for a UC that is awake, and stays that as long as s.resting is
// held.
func (s *sandbox) hibernated() *hibernated {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asleep
}

// listen takes what the UC said to its proxy or its console since its last call.
// It reports whether that was all. A call that comes meanwhile waits.
func (s *sandbox) listen() bool {
	s.resting.RLock()
	defer s.resting.RUnlock()
	s.mu.Lock()
	if s.calls > 0 || s.closed || s.asleep != nil {
		s.mu.Unlock()
		return false
	}
	heard := make(chan struct{})
	s.hearing = heard
	s.mu.Unlock()
	all := false
	_ = s.session.Hold(func(driver.State) error {
		all = s.channel.takeOthers()
		return nil
	})
	s.mu.Lock()
	s.hearing = nil
	s.mu.Unlock()
	close(heard)
	return all
}

// due reports whether it is time to try.
func (s *sandbox) due(idle time.Duration) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if idle == 0 && s.touched {
		s.touched = false
		return false
	}
	now := time.Now()
	if s.calls > 0 || s.closed || s.doomed || s.asleep != nil || s.parent == nil || now.Sub(s.left) < idle || now.Before(s.tryAgain) {
		return false
	}
	s.tryAgain = now.Add(hibernateAgain)
	return true
}

// takePatches finds what of the UC is its own, and keeps it.
func (s *sandbox) takePatches() (*hibernated, error) {
	n := s.uc.zygote
	layers, pins := s.parent.layersOver(n, s.gone)
	defer pins.release()
	ctx, cancel := context.WithTimeout(context.Background(), hibernatePatience)
	defer cancel()
	var patches []byte
	var gone []snapshot.Range
	err := s.awaitQuiescence(ctx, func() error {
		if !s.channel.delivered() {
			return unix.EAGAIN
		}
		_, _, err := n.askWith(order{op: opPatches, id: s.uc.id, a: uint64(len(layers))}, func(scratch []byte) {
			encodeLayers(scratch[extentsAt:extentsAt], layers)
		}, func(r reply) error {
			st, err := abi.ParseState(n.scratch)
			gone = discarded(st)
			patches = append(patches, n.scratch[abi.PageSize:][:r.n]...)
			return err
		})
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("hibernate: %w", err)
	}
	if !s.channel.quiet() {
		return nil, errTalks
	}
	slots, err := s.backend.arena.Put(patches)
	if err != nil {
		return nil, fmt.Errorf("hibernate: %w", err)
	}
	s.gone = merged(append(s.gone, gone...))
	return &hibernated{patches: slots, bytes: len(patches), over: make(chan struct{})}, nil
}

// giveUpProcess is the point of no return: the UC is its patches.
func (s *sandbox) giveUpProcess(h *hibernated) {
	if u, err := s.usage(); err == nil {
		s.spent = u.CPU
	}
	s.session.Close()
	n, again, ok := s.uc.zygote, spare{}, false
	if n.pool.admits(s.past()) && s.leaveCPU() {
		again, ok = s.resetToSpare()
	} else {
		s.endProcess()
	}
	s.cpu.reset()
	if ok {
		n.keep(again)
	} else {
		s.channel.shut()
	}
	s.mu.Lock()
	s.asleep = h
	s.copied = false
	s.mu.Unlock()
	s.countLive(-1)
	s.backend.awakened(-1)
}

// endProcess kills the UC, and waits for its end if a cgroup does.
func (s *sandbox) endProcess() {
	s.unlimitCPU()
	s.uc.zygote.forget(s.uc.id)
	if s.cpu.limited() {
		s.channel.awaitEnd()
		// A group that cannot be removed is swept by the next start.
		_ = s.freeCPU()
	}
}

// wake gives the UC a process again, from whatever zygote of its snapshot is alive.
// It needs s.resting for reading.
func (s *sandbox) wake(ctx context.Context) (err error) {
	s.waking.Lock()
	defer s.waking.Unlock()
	s.mu.Lock()
	h, closed, limits, owner := s.asleep, s.closed, s.limits, s.owner
	s.mu.Unlock()
	switch {
	case closed:
		return isolation.ErrClosed
	case h == nil:
		return nil // another call woke it
	}
	patches := make([]byte, h.bytes)
	if err := s.backend.arena.Get(h.patches, patches); err != nil {
		return err
	}
	for tries := s.backend.spares() + 4; ; tries-- {
		var n *zygote
		if n, err = s.backend.zygoteOf(ctx, s.parent, owner); err != nil {
			return err
		}
		if err = s.wakeFrom(n, h, patches, limits, owner); err == nil || tries == 0 || !foundDead(err) {
			return err
		}
	}
}

func (s *sandbox) wakeFrom(n *zygote, h *hibernated, patches []byte, limits isolation.Limits, owner tenancy) error {
	b := s.backend
	layers, held := s.parent.layersOver(n, s.gone)
	r := b.runOrder(abi.Resume, n, limits)
	r.pid, r.again, r.layers, r.patches = s.pid, true, layers, patches
	uc, err := n.take(r, owner)
	if err != nil {
		held.release()
		return err
	}
	// Nobody else reads these while s.asleep is set.
	s.uc = uc
	s.channel = newChannel(uc.fd, s, &b.readers)
	s.session = s.session.Move(s.channel)
	if uc.wasReset() {
		held.release()
	} else {
		s.channel.pins = held
		err = sendRun(uc.fd, r)
	}
	if err == nil && limits.CPUs > 0 {
		err = s.limitCPU(limits.CPUs)
	}
	n.refillPool(owner)
	if err != nil {
		s.loseProcess()
		return err
	}
	s.mu.Lock()
	s.asleep, s.woken, s.lost = nil, h, false
	s.mu.Unlock()
	close(h.over)
	s.countLive(len(held))
	b.awakened(1)
	return nil
}

// loseProcess is for a wake that failed: the UC hibernates as it did.
func (s *sandbox) loseProcess() {
	s.session.Close()
	s.endProcess()
	s.channel.shut()
	s.channel.dropPins()
	s.cpu.reset()
}

// sleepOn undoes a wake whose process could not be forked, so that a later
// call may find its UC.
func (s *sandbox) sleepOn() {
	s.waking.Lock()
	defer s.waking.Unlock()
	s.mu.Lock()
	h, closed := s.woken, s.closed
	s.mu.Unlock()
	if h == nil || closed {
		return
	}
	s.loseProcess()
	s.mu.Lock()
	s.asleep, s.woken = &hibernated{patches: h.patches, bytes: h.bytes, over: make(chan struct{})}, nil
	s.mu.Unlock()
	s.countLive(-1)
	s.backend.awakened(-1)
}

// free gives the patches back.
func (s *sandbox) free(h *hibernated) {
	if h != nil {
		s.backend.arena.Drop(h.patches)
	}
}

// toUC sends a message that no call asked for. If the UC hibernates, it waits.
func (s *sandbox) toUC(m abi.Msg, payload []byte) error {
	for {
		s.resting.RLock()
		asleep := s.hibernated()
		if asleep == nil {
			defer s.resting.RUnlock()
			s.channel.proxied.Store(true)
			return s.channel.send(m, payload)
		}
		s.resting.RUnlock()
		<-asleep.over
	}
}

// delivered reports whether the UC has taken all that was sent to it.
func (c *channel) delivered() bool {
	n, err := unix.IoctlGetInt(c.fd, unix.SIOCOUTQ)
	return err == nil && n == 0
}

// quiet reports whether nothing of what the UC said is unread.
func (c *channel) quiet() bool {
	p := []unix.PollFd{{Fd: int32(c.fd), Events: unix.POLLIN}}
	n, err := unix.Poll(p, 0)
	return err == nil && n == 0 && len(c.left) == 0
}

// takeOthers hands on the messages that are there, up to the first that is the
// driver's or the last. It reports whether none is left.
func (c *channel) takeOthers() bool {
	b := make([]byte, abi.MsgSize+abi.MaxPayload)
	for range 1024 { // who says more does not rest
		if c.closed.Load() {
			return false
		}
		n, _, err := unix.Recvfrom(c.fd, b, unix.MSG_PEEK|unix.MSG_DONTWAIT)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return err == unix.EAGAIN
		}
		m, err := abi.ParseMsg(b, n)
		if err != nil || m.Type == abi.Data || m.Type == abi.Exit {
			return false
		}
		if _, _, err := unix.Recvfrom(c.fd, b, unix.MSG_DONTWAIT); err != nil {
			return false
		}
		c.other(m, bytes.Clone(b[abi.MsgSize:n]))
	}
	return false
}
