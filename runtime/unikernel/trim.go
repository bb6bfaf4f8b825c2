package unikernel

import (
	"context"
	"encoding/binary"
	"slices"
	"syscall"
	"time"

	"github.com/lambdabench/lambdabench/runtime/driver"
	"github.com/lambdabench/lambdabench/runtime/unikernel/abi"
	"github.com/lambdabench/lambdabench/runtime/unikernel/snapshot"
)

// A UC that serves writes pages that end up as they were: counters that go up
// and down again, locks that are taken and released, and what was populated for a run
// that did not need it. Of an idle UC these are given back to the host: about
// a fifth of its memory. The next call pays for those that it writes again,
// so this is for UCs that were idle for some time.

const (
	defaultTrimAfter = 10 * time.Second

	// trimPatience is what a call waits at most for a trim that came before it.
	trimPatience = 5 * time.Millisecond
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
// leaves most of a processor to those who are not.
func (b *Backend) trimIdle() {
	after := b.cfg.trimAfter()
	tick := time.NewTicker(min(after/4, 100*time.Millisecond))
	defer tick.Stop()
	for at := 0; ; {
		select {
		case <-tick.C:
		case <-b.done:
			return
		}
		begin := time.Now()
		var some []*sandbox
		some, at = b.stretch(at, 4096)
		for _, s := range some {
			if s.trim(after) && time.Since(begin) > 20*time.Millisecond {
				break
			}
		}
	}
}

// stretch is up to n sandboxes from a place in the ring on, and the place after.
func (b *Backend) stretch(at, n int) ([]*sandbox, int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if at >= len(b.ring) {
		at = 0
	}
	some := append([]*sandbox(nil), b.ring[at:min(at+n, len(b.ring))]...)
	return some, at + len(some)
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

// giveBack tells the UC which of its pages are as they lie in its node.
func (s *sandbox) giveBack() error {
	a := s.backend.arena
	first, n, err := a.Stage(1)
	if err != nil {
		return err
	}
	defer a.Unstage(first, n)
	st, got, r, err := s.table(order{op: opCapture, a: uint64(first), b: uint64(n)})
	if err != nil {
		if err == syscall.ENOSPC {
			return nil // so many pages of its own that these do not matter
		}
		return err
	}
	// What the guest, or a layer over the node's, has discarded is zero beneath.
	gone := discarded(st)
	for at := s.parent; at.layer.File == nil; at = at.parent {
		gone = append(gone, at.layer.Gone...)
	}
	var ranges []byte
	for _, t := range got {
		if t.flags&pageSame != 0 && !overlaps(gone, t) && len(ranges) < abi.MaxPayload-16 {
			ranges = binary.LittleEndian.AppendUint64(ranges, t.addr)
			ranges = binary.LittleEndian.AppendUint64(ranges, t.addr+uint64(t.pages)*abi.PageSize)
		}
	}
	if len(ranges) == 0 {
		return nil
	}
	return s.channel.send(abi.Msg{Type: abi.Trim, Arg: uint32(r.b), Len: uint32(len(ranges))}, ranges)
}

func overlaps(ranges []snapshot.Range, t taken) bool {
	first := uint32(t.addr / abi.PageSize)
	return slices.ContainsFunc(ranges, func(r snapshot.Range) bool { return first < r.VPN+r.Pages && r.VPN < first+t.pages })
}
