package unikernel

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/lambdabench/lambdabench/runtime"
	"github.com/lambdabench/lambdabench/runtime/driver"
	"github.com/lambdabench/lambdabench/runtime/unikernel/abi"
	"github.com/lambdabench/lambdabench/runtime/unikernel/proxy"
)

// sandbox is one unikernel context.
type sandbox struct {
	backend  *Backend
	in       runtime.Interpreter
	uc       blank // which node forked it, and as what
	channel  *channel
	session  *driver.Session
	prefetch bool  // a base snapshot of it learns what functions touch
	parent   *snap // what it was deployed from; nil: booted

	copied  bool // deployed by copying, and not yet run: see promote.go
	counted bool // in parent.live

	resting sync.RWMutex // held for reading during a call; see trim.go

	mu           sync.Mutex
	left         time.Time // when the last call ended
	trimmed      bool      // since then
	limits       runtime.Limits
	calls        int    // under way
	touched      bool   // since the clock's hand was here
	parked       *place // where the channel is; nil: here
	place        int    // in the backend's ring; guarded by its lock
	account      string
	net          *proxy.Proxy
	closed       bool
	said         []byte // the last that the runtime wrote to its own stdout and stderr
	once, killed sync.Once
	closeErr     error

	cpu cpuLimit
}

// newSandbox takes a blank over. It is not parked before its first leave.
func (b *Backend) newSandbox(uc blank, in runtime.Interpreter, limits runtime.Limits) *sandbox {
	// The one who makes it calls leave when it is made.
	sb := &sandbox{backend: b, in: in, uc: uc, limits: limits, calls: 1, touched: true}
	sb.resting.RLock()
	sb.channel = newChannel(uc.fd, sb)
	b.mu.Lock()
	sb.place = len(b.ring)
	b.ring = append(b.ring, sb)
	b.mu.Unlock()
	b.opened(1)
	return sb
}

// Import implements runtime.Sandbox.
func (s *sandbox) Import(ctx context.Context, fn runtime.Function) error {
	if err := s.enter(); err != nil {
		return err
	}
	defer s.leave()
	code, err := driver.PackCode(fn.Package, driver.TaskRoot)
	if err != nil {
		return err
	}
	if err := s.limit(ctx, fn.Limits); err != nil {
		return fmt.Errorf("import %s: %w", fn.Name, err)
	}
	s.mu.Lock()
	s.account = account(fn.ARN)
	s.mu.Unlock()
	if err = s.session.Import(ctx, code, fn); err == nil {
		return nil
	}
	if unborn := s.unborn(); unborn != nil {
		return fmt.Errorf("import %s: %w", fn.Name, unborn)
	}
	return err
}

// limit replaces the limits of a UC that runs.
func (s *sandbox) limit(ctx context.Context, l runtime.Limits) error {
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
	err := s.settled(ctx, func() error { // a UC that was just deployed may still be becoming one
		r, _, err := s.uc.node.ask(order{op: opLimit, id: s.uc.id, a: uint64(l.MemoryBytes), b: uint64(l.Processes)}, nil)
		if err == nil && r.err != 0 {
			err = r.err
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("set the limits of memory and threads: %w", err)
	}
	return nil
}

// Invoke implements runtime.Sandbox.
func (s *sandbox) Invoke(ctx context.Context, inv runtime.Invocation) (runtime.Result, error) {
	if err := s.enter(); err != nil {
		return runtime.Result{}, err
	}
	defer s.leave()
	res, err := s.session.Invoke(ctx, inv)
	if err != nil || !res.Outcome.Alive() {
		if unborn := s.unborn(); unborn != nil {
			return runtime.Result{}, fmt.Errorf("invoke: %w", unborn)
		}
	}
	if err == nil && !res.Outcome.Alive() {
		s.kill()
	}
	if err == nil && res.Outcome.Alive() && s.copied {
		s.copied = false
		if s.parent.live.Load() >= promoteAt && !s.parent.learnt.Swap(true) {
			s.learnWritten(ctx)
		}
	}
	return res, err
}

// kill ends the UC and waits until it is gone. Its channel stays, for those
// who still ask.
func (s *sandbox) kill() {
	s.killed.Do(func() {
		s.unlimitCPU()
		s.uc.node.forget(s.uc.id)
		s.channel.awaitEnd()
	})
}

// console takes what the runtime prints around the driver: its dying words.
func (s *sandbox) console(_ uint32, text []byte) {
	const keep = 4096
	s.mu.Lock()
	defer s.mu.Unlock()
	s.said = append(s.said, text...)
	if n := len(s.said) - keep; n > 0 {
		s.said = append(s.said[:0], s.said[n:]...)
	}
}

// learnEnd says how the UC ended, for the session.
func (s *sandbox) learnEnd() driver.End {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := driver.End{Output: s.said, LimitBytes: s.limits.MemoryBytes}
	note := s.channel.end.Load()
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
	if note := s.channel.end.Load(); note != nil && errors.Is(err, driver.ErrEnded) {
		return fmt.Errorf("%w: %w", err, note.err())
	}
	return err
}

// unborn is the error of a UC that could not be forked, which may come out
// only when it is first used: a deploy does not wait for its process. A UC that
// lies harms its own call alone.
func (s *sandbox) unborn() error {
	note := s.channel.end.Load()
	if note == nil { // a write found the channel closed before anyone read
		note = s.channel.lastNote()
	}
	if note != nil && note.code == abi.ExitUnborn {
		return note.err()
	}
	return nil
}

// Close implements runtime.Sandbox.
func (s *sandbox) Close() error {
	s.once.Do(func() {
		// A channel that cannot be fetched is that of a tender that is gone.
		if s.enter() == nil {
			defer s.leave()
			if s.renew() {
				s.backend.drop(s)
				return
			}
		}
		if s.session != nil {
			s.session.Close()
		}
		s.kill()
		s.channel.shut()
		s.disconnect()
		s.channel.settle()
		s.closeErr = s.freeCPU()
		s.backend.drop(s)
	})
	return s.closeErr
}

func (b *Backend) drop(s *sandbox) {
	b.mu.Lock()
	last := b.ring[len(b.ring)-1]
	b.ring[s.place], last.place = last, s.place
	b.ring[len(b.ring)-1] = nil
	b.ring = b.ring[:len(b.ring)-1]
	b.mu.Unlock()
	b.opened(-1)
	if s.parent == nil {
		return
	}
	if s.counted {
		s.parent.live.Add(-1)
	}
	b.release(s.parent)
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

func malformed(err error) error { return fmt.Errorf("%w: %w", driver.ErrProtocol, err) }

// settle gives back what a UC that never spoke still held.
func (c *channel) settle() {
	c.use.Lock() // no reader is left
	defer c.use.Unlock()
	c.pins.release()
	c.pins = nil
}

// tenant is whose function a sandbox runs: the account in its ARN.
func (s *sandbox) tenant() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.account
}

// network hands what the UC sends into the world to its proxy, which exists
// from the first such message on.
func (s *sandbox) network(m abi.Msg, payload []byte) {
	s.mu.Lock()
	if s.net == nil && !s.closed {
		s.net = proxy.New(s.backend.rules, s.channel.send)
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
	s.closed = true
	net := s.net
	s.mu.Unlock()
	if net != nil {
		net.Close()
	}
}

func account(arn string) string {
	parts := strings.SplitN(arn, ":", 6) // arn:partition:service:region:account:resource
	if len(parts) < 6 {
		return ""
	}
	return parts[4]
}
