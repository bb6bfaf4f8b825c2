package unikernel

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"

	"github.com/lambdabench/lambdabench/runtime/driver"
	"github.com/lambdabench/lambdabench/runtime/unikernel/abi"
	"github.com/lambdabench/lambdabench/runtime/unikernel/snapshot"
)

// A UC that is idle needs no process. What stands in the way of many of them
// are page tables, mappings and descriptors, and most pages that a UC has
// written differ by a few words from those that it began with. So an idle UC
// hibernates: these words are kept (tender/patches.c), its process becomes a
// blank again or ends, and the next call lays the words over a blank: the same
// UC, with its own process id, random state and connections. Its connections
// stand still meanwhile. A UC that waits for a timer, or said something that
// nobody has read, stays as it is.

// patience of one who hibernates a UC, and so of a call that comes meanwhile.
const hibernatePatience = 5 * time.Millisecond

// errTalks: the UC has said something that no call has read yet.
var errTalks = errors.New("the unikernel context has unread messages")

// hibernated is a UC without a process.
type hibernated struct {
	node    *node
	patches []snapshot.Slot // hold bytes bytes
	bytes   int
	over    chan struct{} // closed when it wakes, or is no more
}

// hibernate takes the process away from a UC that was idle for so long (0: since
// the clock's hand was here, see idle.go). It reports whether it did. One attempt
// is made after each call.
func (s *sandbox) hibernate(idle time.Duration) bool {
	if !s.resting.TryLock() {
		return false
	}
	defer s.resting.Unlock()
	if !s.due(idle) {
		return false
	}
	err := s.session.Hold(func(st driver.State) error {
		if st.Unread {
			return errTalks
		}
		h, err := s.takePatches()
		if err == nil {
			s.giveUpProcess(h)
		}
		return err
	})
	return err == nil
}

// due reports whether it is time to try.
func (s *sandbox) due(idle time.Duration) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if idle == 0 && s.touched {
		s.touched = false
		return false
	}
	if s.tried || s.closed || s.asleep != nil || s.parent == nil || s.calls > 0 || s.channel.pins != nil || time.Since(s.left) < idle {
		return false
	}
	s.tried = true
	return true
}

// takePatches finds what of the UC is its own, and keeps it.
func (s *sandbox) takePatches() (*hibernated, error) {
	n := s.uc.node
	layers, pins := s.parent.layersOver(n, s.gone)
	defer pins.release()
	ctx, cancel := context.WithTimeout(context.Background(), hibernatePatience)
	defer cancel()
	var patches []byte
	var gone []snapshot.Range
	err := s.settled(ctx, func() error {
		if !s.channel.delivered() {
			return unix.EAGAIN
		}
		_, _, err := n.askWith(order{op: opPatches, id: s.uc.id, a: uint64(len(layers))}, func(scratch []byte) {
			encodeLayers(scratch[layersAt:layersAt], layers)
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
	return &hibernated{node: n, patches: slots, bytes: len(patches), over: make(chan struct{})}, nil
}

// giveUpProcess is the point of no return: the UC is its patches.
func (s *sandbox) giveUpProcess(h *hibernated) {
	if u, err := s.usage(); err == nil {
		s.spent = u.CPU
	}
	s.session.Close()
	n, fd := s.uc.node, -1
	if len(n.stock) < cap(n.stock) && s.leaveCPU() {
		fd = s.backToBlank()
	} else {
		s.endProcess()
	}
	s.cpu.reset()
	if fd >= 0 {
		n.keep(blank{node: n, id: s.uc.id, fd: fd, renewed: true})
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
	s.uc.node.forget(s.uc.id)
	if s.cpu.limited() {
		s.channel.awaitEnd()
		// A group that cannot be removed is swept by the next start.
		_ = s.freeCPU()
	}
}

// wake gives the UC a process again. It needs s.resting for reading, and s.mu.
func (s *sandbox) wake() (err error) {
	h, b := s.asleep, s.backend
	patches := make([]byte, h.bytes)
	if err := b.arena.Get(h.patches, patches); err != nil {
		return err
	}
	layers, held := s.parent.layersOver(h.node, s.gone)
	r := b.runOrder(abi.Resume, h.node, s.limits)
	r.pid, r.layers, r.patches = s.pid, layers, patches
	if s.uc, err = h.node.take(r); err != nil {
		held.release()
		return err
	}
	s.channel = newChannel(s.uc.fd, s)
	s.session = s.session.Move(s.channel)
	if s.uc.renewed {
		held.release()
	} else {
		s.channel.pins = held
		err = sendRun(s.uc.fd, r)
	}
	if err == nil && s.limits.CPUs > 0 {
		err = s.limitCPU(s.limits.CPUs)
	}
	h.node.restock(b.stock())
	if err != nil {
		s.loseProcess()
		return err
	}
	s.asleep, s.woken = nil, h
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
	s.channel.settle()
	s.cpu.reset()
}

// sleepOn undoes a wake whose process could not be forked, so that a later
// call may find its UC.
func (s *sandbox) sleepOn() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.woken == nil {
		return
	}
	s.loseProcess()
	s.asleep, s.woken = s.woken, nil
	s.asleep.over = make(chan struct{})
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
		s.mu.Lock()
		asleep := s.asleep
		s.mu.Unlock()
		if asleep == nil {
			defer s.resting.RUnlock()
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
