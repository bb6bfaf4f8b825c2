package unikernel

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/lambdabench/lambdabench/runtime/driver"
	"github.com/lambdabench/lambdabench/runtime/isolation"
	"github.com/lambdabench/lambdabench/runtime/unikernel/abi"
	"github.com/lambdabench/lambdabench/runtime/unikernel/proxy"
	"github.com/lambdabench/lambdabench/runtime/unikernel/snapshot"
)

// sandbox is one unikernel context.
type sandbox struct {
	backend  *Backend
	in       isolation.Interpreter
	uc       spare // which zygote forked it, and as what
	channel  *channel
	session  *driver.Session
	prefetch bool  // a base snapshot of it learns what functions touch
	parent   *snap // what it was deployed from; nil: booted

	copied  bool // deployed by copying, and not yet run: see promote.go
	counted bool // in parent.live
	pid     uint32

	// Held for reading by who uses uc, channel or session, for writing by who takes
	// them away. See hibernate.go.
	resting sync.RWMutex
	waking  sync.Mutex       // one wake, or undoing of a wake, at a time
	gone    []snapshot.Range // zeros since before the last wake, whatever lies beneath
	spent   time.Duration    // processor time of processes that it had before

	mu           sync.Mutex
	left         time.Time // when the last call ended
	tryAgain     time.Time // to hibernate
	asleep       *hibernated
	hearing      chan struct{} // closed when what the UC said by itself was taken; see listen
	woken        *hibernated   // what this call woke it from
	limits       isolation.Limits
	calls        int     // under way
	touched      bool    // since the clock's hand was here
	place        int     // in the backend's ring; guarded by its lock
	owner        tenancy // whose function it runs; not known before its import
	net          *proxy.Proxy
	closed       bool
	doomed       bool          // it is being killed: it neither hibernates nor is reset
	yields       bool          // its process has SCHED_IDLE, and may serve no other sandbox
	log          driver.Output // what the UC printed and no result has
	lost         bool          // counted as a process that ended without the platform's wish
	once, killed sync.Once
	closeErr     error

	cpu cpuLimit
}

// newSandbox takes a spare over. It does not hibernate before its first leave.
func (b *Backend) newSandbox(uc spare, in isolation.Interpreter, limits isolation.Limits) *sandbox {
	// The one who makes it calls leave when it is made.
	sb := &sandbox{backend: b, in: in, uc: uc, limits: limits, calls: 1, touched: true}
	sb.resting.RLock()
	sb.channel = newChannel(uc.fd, sb, &b.readers)
	b.mu.Lock()
	sb.place = len(b.ring)
	b.ring = append(b.ring, sb)
	b.mu.Unlock()
	b.awakened(1)
	return sb
}

// enter begins a call of a sandbox: its UC has a process until leave.
func (s *sandbox) enter(ctx context.Context) error {
	if s.hibernated() != nil {
		s.backend.reclaim()
	}
	s.resting.RLock()
	err := s.begin(ctx)
	if err != nil {
		s.resting.RUnlock()
	}
	return err
}

// begin needs s.resting for reading.
func (s *sandbox) begin(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.hearing != nil {
		heard := s.hearing
		s.mu.Unlock()
		<-heard
		s.mu.Lock()
	}
	if s.asleep != nil {
		s.mu.Unlock()
		err := s.wake(ctx)
		s.mu.Lock()
		if err != nil {
			return s.unsent(fmt.Errorf("wake a unikernel context: %w", err))
		}
	}
	if s.closed {
		return isolation.ErrClosed
	}
	s.calls++
	s.touched = true
	s.tryAgain = time.Time{}
	return nil
}

func (s *sandbox) leave() {
	s.mu.Lock()
	s.calls--
	s.left = time.Now()
	if s.calls == 0 {
		s.free(s.woken)
		s.woken = nil
	}
	s.mu.Unlock()
	s.resting.RUnlock()
}

// Import implements isolation.Sandbox.
func (s *sandbox) Import(ctx context.Context, fn isolation.Function) error {
	if err := s.suit(fn.Account()); err != nil {
		return fmt.Errorf("import %s: %w", fn.Name, err)
	}
	if err := s.enter(ctx); err != nil {
		return err
	}
	defer s.leave()
	code, err := driver.PackCode(fn.Package, driver.TaskRoot)
	if err != nil {
		return err
	}
	if err := s.limit(ctx, fn.Limits); err != nil {
		return fmt.Errorf("import %s: %w", fn.Name, s.unsent(err))
	}
	err = s.session.Hold(func(driver.State) error {
		s.channel.code = code
		return nil
	})
	if err == nil {
		err = s.session.Import(ctx, driver.CodeAt(code.Root), fn)
	}
	if err == nil {
		return nil
	}
	s.noticeEnd(err)
	if unborn := s.unborn(); unborn != nil {
		return fmt.Errorf("import %s: %w", fn.Name, unborn)
	}
	return err
}

// limit replaces the limits of a UC that runs.
func (s *sandbox) limit(ctx context.Context, l isolation.Limits) error {
	s.mu.Lock()
	was := s.limits
	s.limits = l
	s.mu.Unlock()
	if was.CPUs != l.CPUs {
		if err := s.limitCPU(l.CPUs); err != nil {
			return fmt.Errorf("set the CPU limit: %w", err)
		}
	}
	if was.MemoryBytes == l.MemoryBytes && was.Processes == l.Processes {
		return nil
	}
	err := s.awaitQuiescence(ctx, func() error { // a UC that was just deployed may still be becoming one
		_, _, err := s.uc.zygote.ask(order{op: opLimit, id: s.uc.id, a: uint64(l.MemoryBytes), b: uint64(l.Processes)}, nil)
		return err
	})
	if err != nil {
		return fmt.Errorf("set the limits of memory and threads: %w", err)
	}
	return nil
}

// Invoke implements isolation.Sandbox.
func (s *sandbox) Invoke(ctx context.Context, inv isolation.Invocation) (isolation.Result, error) {
	if err := s.enter(ctx); err != nil {
		return isolation.Result{}, err
	}
	defer s.leave()
	res, err := s.session.Invoke(ctx, inv)
	s.noticeEnd(err)
	if err != nil || !res.Outcome.Alive() {
		if unborn := s.unborn(); unborn != nil {
			s.sleepOn()
			return isolation.Result{}, fmt.Errorf("invoke: %w", unborn)
		}
	}
	if err == nil && !res.Outcome.Alive() {
		s.doom()
	}
	if err == nil && res.Outcome.Alive() && s.copied {
		s.copied = false
		if s.parent.live.Load() >= promoteAt && !s.parent.recorded.Swap(true) {
			s.recordWritten(ctx)
		}
	}
	return res, err
}

// doom has the UC killed in the background: its zygote may be carrying out another
// order, for which a reply must not wait. Close waits for the order to be given,
// and for the UC's end. It needs s.resting for reading, and holds it until then.
func (s *sandbox) doom() {
	s.mu.Lock()
	s.doomed = true
	s.mu.Unlock()
	s.resting.RLock() // nobody waits for it for writing, so it can be had twice
	go func() {
		defer s.resting.RUnlock()
		s.kill()
	}()
}

// kill tells the UC's zygote to kill it. Its channel stays, for those who still ask.
func (s *sandbox) kill() {
	s.killed.Do(func() {
		s.unlimitCPU()
		s.uc.zygote.forget(s.uc.id)
	})
}

// console takes what the UC prints to its descriptors 1 and 2.
func (s *sandbox) console(_ uint32, text []byte) { s.log.Write(text) }

// hearLast takes what an idle UC printed since its last call.
func (s *sandbox) hearLast() {
	if s.session == nil {
		return
	}
	// A call that is under way hears the UC itself.
	_ = s.session.Hold(func(driver.State) error {
		c := s.channel
		c.use.RLock()
		defer c.use.RUnlock()
		if c.closed.Load() {
			return nil
		}
		var head [abi.MsgSize]byte
		n, _, err := unix.Recvfrom(c.fd, head[:], unix.MSG_PEEK|unix.MSG_DONTWAIT)
		if err == nil && n > 0 {
			c.takeOthers()
		}
		return nil
	})
}

// Printed implements isolation.Printer.
func (s *sandbox) Printed() ([]byte, []isolation.LogMark) { return s.log.Take() }

// learnEnd says how the UC ended, for the session.
func (s *sandbox) learnEnd() driver.End {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := driver.End{LimitBytes: s.limits.MemoryBytes}
	note := s.channel.note()
	if note == nil {
		e.Status = "signal: " + syscall.SIGKILL.String()
		return e
	}
	switch note.code {
	case abi.ExitOK:
		if note.id != 0 {
			e.Status = fmt.Sprintf("exit status %d", note.id)
		}
	case abi.ExitSignal:
		e.Status = "signal: " + syscall.Signal(note.id).String()
		e.OutOfMemory = note.memory
	case abi.ExitMemory:
		e.Status, e.OutOfMemory = note.why, true
	default:
		e.Status = note.why
	}
	return e
}

// explain adds what the UC said at its end to an error of the stream.
func (s *sandbox) explain(err error) error {
	if note := s.channel.note(); note != nil && errors.Is(err, driver.ErrEnded) {
		return fmt.Errorf("%w: %w", err, note.err())
	}
	return err
}

// unborn is the error of a UC that could not be forked, which may come out
// only when it is first used: a deploy does not wait for its process. A UC that
// lies harms its own call alone.
func (s *sandbox) unborn() error {
	note := s.channel.note()
	if note != nil && note.code == abi.ExitUnborn {
		return note.err()
	}
	return nil
}

// Close implements isolation.Sandbox.
func (s *sandbox) Close() error {
	s.once.Do(func() {
		s.resting.RLock()
		defer s.resting.RUnlock()
		if s.shut() {
			s.disconnect()
			s.backend.drop(s)
			return
		}
		s.backend.awakened(-1)
		s.hearLast()
		if s.reset() {
			s.backend.drop(s)
			return
		}
		if s.session != nil {
			s.session.Close()
		}
		s.kill()
		s.channel.awaitEnd()
		s.channel.shut()
		s.disconnect()
		s.channel.dropPins()
		s.closeErr = s.freeCPU()
		s.backend.drop(s)
	})
	return s.closeErr
}

// shut lets no further call in, and ends a UC that hibernates; it reports whether
// the UC did. A wake that is under way comes to its end first.
func (s *sandbox) shut() bool {
	s.waking.Lock()
	defer s.waking.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	if s.calls == 0 {
		s.free(s.woken)
		s.woken = nil
	}
	h := s.asleep
	if h == nil {
		return false
	}
	s.asleep = nil
	close(h.over)
	s.free(h)
	return true
}

func (b *Backend) drop(s *sandbox) {
	b.mu.Lock()
	last := b.ring[len(b.ring)-1]
	b.ring[s.place], last.place = last, s.place
	b.ring[len(b.ring)-1] = nil
	b.ring = b.ring[:len(b.ring)-1]
	b.mu.Unlock()
	if s.parent == nil {
		return
	}
	s.countLive(-1)
	b.release(s.parent)
}

// countLive counts the UC among those of its snapshot that were deployed by
// copying, if n is above 0, or no more, below it.
func (s *sandbox) countLive(n int) {
	if want := n > 0; n != 0 && want != s.counted {
		s.counted = want
		s.parent.live.Add(int64(max(min(n, 1), -1)))
	}
}

// awaitEnd waits until the UC, which was killed, is gone: its memory was given
// back before its end of the channel was closed.
func (c *channel) awaitEnd() {
	c.use.RLock()
	defer c.use.RUnlock()
	if c.closed.Load() {
		return
	}
	for until := time.Now().Add(10 * time.Second); time.Now().Before(until); {
		p := []unix.PollFd{{Fd: int32(c.fd), Events: unix.POLLRDHUP}}
		if _, err := unix.Poll(p, 1000); err != unix.EINTR && p[0].Revents != 0 {
			return
		}
	}
}

// unsent marks the error of a call of which the UC has seen nothing, because a
// process that the call needs is gone: another sandbox may take the call.
func (s *sandbox) unsent(err error) error {
	if errors.Is(err, ErrTenderGone) || s.channel.ended() {
		return fmt.Errorf("%w: %w", isolation.ErrUndelivered, err)
	}
	return err
}

// on reports whether the UC is awake, as a child of a zygote.
func (s *sandbox) on(n *zygote) bool {
	if !s.resting.TryRLock() {
		return false // it gives up its process now
	}
	defer s.resting.RUnlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asleep == nil && !s.closed && s.uc.zygote == n
}

// noticeEnd counts a UC that ended before a call reached it.
func (s *sandbox) noticeEnd(err error) {
	if errors.Is(err, isolation.ErrUndelivered) && s.unborn() == nil && s.countLost() {
		s.backend.super.lose(kindUC, 1, err)
	}
}

// countLost reports whether the UC's process is to be counted as lost: once.
func (s *sandbox) countLost() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	again := s.lost || s.closed
	s.lost = true
	return !again
}

func malformed(err error) error { return fmt.Errorf("%w: %w", driver.ErrProtocol, err) }

// dropPins gives back what a UC that never spoke still held.
func (c *channel) dropPins() {
	c.use.Lock() // no reader is left
	defer c.use.Unlock()
	c.pins.release()
	c.pins = nil
}

// network hands what the UC sends into the world to its proxy, which exists
// from the first such message on.
func (s *sandbox) network(m abi.Msg, payload []byte) {
	s.mu.Lock()
	if s.net == nil && !s.closed {
		s.net = proxy.New(s.backend.rules, s.toUC)
	}
	net := s.net
	s.mu.Unlock()
	if net != nil {
		net.Handle(m, payload)
	}
}

// disconnect ends the proxy. The channel is shut already, so nothing waits for
// the UC.
func (s *sandbox) disconnect() {
	s.mu.Lock()
	net := s.net
	s.mu.Unlock()
	if net != nil {
		net.Close()
	}
}
