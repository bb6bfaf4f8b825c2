package unikernel

import (
	"context"
	"fmt"
	"slices"
	"syscall"
	"time"

	"github.com/lambdabench/lambdabench/runtime/driver"
	"github.com/lambdabench/lambdabench/runtime/unikernel/abi"
	"github.com/lambdabench/lambdabench/runtime/unikernel/snapshot"
)

// Most pages that a UC has written differ by a few words from what it was
// forked with, or by none: counters, locks, pointers into a stack. Of an idle UC
// these words are kept and the pages given back to the host, as Difference Engine
// does it (Gupta et al., OSDI 2008): most of its memory. The UC lays the words
// again when it wakes, which costs a page fault each, so this is for UCs that were
// idle for some time. One that waits for a timer wakes too soon, and is left alone.

const (
	defaultTrimAfter = 10 * time.Second

	// trimPatience is what a call waits at most for a trim that came before it.
	trimPatience = 5 * time.Millisecond

	// never is a count of wakes that no UC comes to.
	never = 1<<32 - 2
)

// trimAfter is 0 for never.
func (c Config) trimAfter() time.Duration {
	switch {
	case c.TrimAfter < 0:
		return 0
	case c.TrimAfter == 0:
		return defaultTrimAfter
	}
	return c.TrimAfter
}

// trimIdle is the goroutine that trims what is idle; Close waits for it. It
// leaves most of a processor to those who are not, unless so many are due that
// it does not keep up.
func (b *Backend) trimIdle() {
	const every, share = 100 * time.Millisecond, 20 * time.Millisecond
	after := b.cfg.trimAfter()
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
		if at, done = b.trimSome(at, after, work); done {
			work = share
		} else {
			work = min(2*work, every)
		}
	}
}

// trimSome goes over the ring from a place on, and returns where it stopped,
// and whether that was for want of sandboxes, not of time.
func (b *Backend) trimSome(at int, after, work time.Duration) (int, bool) {
	begin := time.Now()
	some, first := b.stretch(at, 4096)
	for i, s := range some {
		if s.trim(after) && time.Since(begin) > work {
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

// trim gives pages back if the UC was idle for so long (0: since the clock's
// hand was here, see park.go), and was not trimmed since. It reports whether it
// had work.
func (s *sandbox) trim(idle time.Duration) bool {
	if !s.resting.TryLock() {
		return false
	}
	defer s.resting.Unlock()
	s.mu.Lock()
	due := !s.trimmed && !s.closed && s.parked == nil && s.parent != nil && s.calls == 0 && time.Since(s.left) >= idle && (idle > 0 || !s.touched)
	if due {
		s.trimmed = true
	}
	s.mu.Unlock()
	if !due {
		return false
	}
	ctx, cancel := context.WithTimeout(context.Background(), trimPatience)
	defer cancel()
	// What fails is tried after the next call.
	_ = s.session.Hold(func(driver.State) error { return s.settled(ctx, s.giveBack) })
	return true
}

// giveBack tells the UC which of its pages are nearly as they lie in its node.
func (s *sandbox) giveBack() error {
	node := s.uc.node
	var patches []byte
	r, _, err := node.ask(order{op: opTrim, id: s.uc.id}, func(r reply) error {
		st, err := abi.ParseState(node.scratch)
		if err == nil {
			patches, err = without(s.discarded(st), node.scratch[abi.PageSize:][:r.n])
		}
		return err
	})
	if err == nil && r.err != 0 {
		err = r.err
	}
	if err == syscall.ENOSPC || err == nil && len(patches) == 0 {
		return nil // so many pages of its own that these do not matter, or none
	}
	if err != nil {
		return err
	}
	return s.sendTrim(uint32(r.b), patches)
}

func (s *sandbox) sendTrim(wakes uint32, patches []byte) error {
	return s.channel.sendPair(abi.Msg{Type: abi.Trim, Arg: wakes}, abi.Msg{Type: abi.Patches, Len: uint32(len(patches))}, patches)
}

// untrim wakes a UC that may be trimmed, so that it can be captured.
func (s *sandbox) untrim() error {
	s.mu.Lock()
	trimmed := s.trimmed
	s.trimmed = false
	s.mu.Unlock()
	if !trimmed {
		return nil
	}
	return s.sendTrim(never, nil)
}

// discarded are the ranges where the node's content may not be what lies
// beneath: zeros do, of the guest or of a layer over the node's.
func (s *sandbox) discarded(st abi.UCState) []snapshot.Range {
	gone := discarded(st)
	for at := s.parent; at.layer.File == nil; at = at.parent {
		gone = append(gone, at.layer.Gone...)
	}
	return gone
}

// without copies the patches of pages that are not in the ranges.
func without(ranges []snapshot.Range, b []byte) (out []byte, err error) {
	for len(b) > 0 {
		if len(b) < 8 || uint64(len(b)-8) < uint64(le.Uint32(b[4:])) {
			return nil, fmt.Errorf("tender: patches end early")
		}
		vpn, size := le.Uint32(b), 8+le.Uint32(b[4:])
		if !hides(ranges, vpn) {
			out = append(out, b[:size]...)
		}
		b = b[size:]
	}
	return out, nil
}
