package unikernel

import (
	"context"
	"errors"
	"fmt"

	"github.com/lambdabench/lambdabench/runtime/driver"
	"github.com/lambdabench/lambdabench/runtime/isolation"
	"github.com/lambdabench/lambdabench/runtime/unikernel/abi"
	"github.com/lambdabench/lambdabench/runtime/unikernel/proxy"
	"github.com/lambdabench/lambdabench/runtime/unikernel/zygote"
)

// Import implements isolation.Sandbox.
func (s *sandbox) Import(ctx context.Context, fn isolation.Function) error {
	if err := s.suit(fn.Account()); err != nil {
		return fmt.Errorf("import %s: %w", fn.Name, err)
	}
	p, err := s.enter(ctx)
	if err != nil {
		return fmt.Errorf("import %s: %w", fn.Name, err)
	}
	defer s.leave(p)
	code, err := driver.PackCode(fn.Package, driver.TaskRoot)
	if err != nil {
		return fmt.Errorf("import %s: %w", fn.Name, err)
	}
	if err := s.limit(ctx, p, fn.Limits); err != nil {
		return fmt.Errorf("import %s: %w", fn.Name, p.unsent(err))
	}
	err = p.session.Hold(func(driver.State) error {
		p.channel.SendBefore(code)
		return nil
	})
	if err == nil {
		err = p.session.Import(ctx, driver.CodeAt(code.Root), fn)
	}
	if err == nil {
		return nil
	}
	s.noticeEnd(p, err)
	if unborn := p.unborn(); unborn != nil {
		return fmt.Errorf("import %s: %w", fn.Name, unborn)
	}
	return err
}

// suit has a UC run functions of an account from now on. If its process served
// another account, the UC gives the process up, and enter gives it another.
func (s *sandbox) suit(account string) error {
	next := zygote.Tenancy{Account: account, Ran: true}
	p, err := s.use()
	if err != nil {
		return err
	}
	fits := p == nil || p.uc.Ran.Fits(next)
	if p != nil {
		s.release(p)
	}
	if !fits {
		err := s.tryHibernate(nil)
		if errors.Is(err, isolation.ErrClosed) || errors.Is(err, isolation.ErrBusy) {
			return err
		}
		if err != nil {
			return fmt.Errorf("%w: it does not leave the process of another account: %v", isolation.ErrUndelivered, err)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.owner = next
	return nil
}

// limit replaces the limits of a UC that runs.
func (s *sandbox) limit(ctx context.Context, p *process, l isolation.Limits) error {
	s.mu.Lock()
	was := s.limits
	s.limits = l
	s.mu.Unlock()
	if was.CPUs != l.CPUs {
		if err := p.limitCPU(ctx, l.CPUs); err != nil {
			return fmt.Errorf("set the CPU limit: %w", err)
		}
	}
	if was.MemoryBytes == l.MemoryBytes && was.Processes == l.Processes {
		return nil
	}
	// A UC that was just deployed may still be becoming one.
	err := awaitQuiescence(ctx, func() error { return p.uc.Limit(ctx, l.MemoryBytes, l.Processes) })
	if err != nil {
		return fmt.Errorf("set the limits of memory and threads: %w", err)
	}
	return nil
}

// Invoke implements isolation.Sandbox.
func (s *sandbox) Invoke(ctx context.Context, inv isolation.Invocation) (isolation.Result, error) {
	p, err := s.enter(ctx)
	if err != nil {
		return isolation.Result{}, err
	}
	defer s.leave(p)
	res, err := p.session.Invoke(ctx, inv)
	if err == nil && res.Outcome.Alive() {
		if p.fresh.Load() && p.fresh.Swap(false) {
			s.backend.considerPromotion(ctx, p)
		}
		return res, nil
	}
	s.noticeEnd(p, err)
	if unborn := p.unborn(); unborn != nil {
		s.hibernateOn(p)
		return isolation.Result{}, fmt.Errorf("invoke: %w", unborn)
	}
	if err == nil {
		s.doom(p)
	}
	return res, err
}

// hibernateOn has a sandbox whose process could not be forked hibernate as it did, so
// that a later call finds its UC.
func (s *sandbox) hibernateOn(p *process) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if p.woken != nil {
		s.move(unborn)
	}
}

// doom has the UC killed in the background: its zygote may be carrying out another
// order, for which a reply must not wait. Close waits for the order to be given, and
// for the UC's end.
func (s *sandbox) doom(p *process) {
	s.mu.Lock()
	s.move(dying)
	s.mu.Unlock()
	go p.kill()
}

// Usage implements isolation.Sandbox. Memory is what the UC alone holds: its
// anonymous pages and page tables. Pages of snapshots that it only reads belong to
// all. A UC that hibernates holds its patches.
func (s *sandbox) Usage() (isolation.Usage, error) {
	u, err := s.usage()
	if err != nil && s.isClosed() {
		err = isolation.ErrClosed
	}
	if err != nil {
		return isolation.Usage{}, fmt.Errorf("usage of a unikernel context: %w", err)
	}
	return u, nil
}

func (s *sandbox) usage() (isolation.Usage, error) {
	p, err := s.use()
	if err != nil {
		return isolation.Usage{}, err
	}
	s.mu.Lock()
	u, h := isolation.Usage{CPU: s.spent, Source: "anonymous pages and page tables"}, s.asleep
	s.mu.Unlock()
	switch {
	case p == nil && h == nil: // it just woke, or was closed
		return s.usage()
	case p == nil:
		u.MemoryBytes, u.Source = int64(len(h.patches))*abi.PageSize, "patches of a hibernated context"
		return u, nil
	}
	defer s.release(p)
	st, err := p.uc.Stat(context.Background())
	u.CPU += st.CPU
	u.MemoryBytes = st.Memory
	return u, err
}

// Printed implements isolation.Printer.
func (s *sandbox) Printed() ([]byte, []isolation.LogMark) { return s.log.Printed() }

// Console implements guest.Peer: the UC wrote to its descriptor 1 or 2.
func (s *sandbox) Console(_ uint32, text []byte) { _, _ = s.log.Write(text) }

// Network implements guest.Peer: the UC's proxy exists from the first such message
// on.
func (s *sandbox) Network(m abi.Msg, payload []byte) {
	s.mu.Lock()
	if s.net == nil && s.state != closed {
		s.net = proxy.New(s.backend.rules, s.sendUnasked)
	}
	net := s.net
	s.mu.Unlock()
	if net != nil {
		net.Handle(m, payload)
	}
}

// sendUnasked sends the UC a message that no call asked for. A UC that hibernates
// gets it when it wakes.
func (s *sandbox) sendUnasked(m abi.Msg, payload []byte) error {
	for {
		p, err := s.use()
		if err != nil {
			return err
		}
		if p != nil {
			defer s.release(p)
			return p.channel.SendUnasked(m, payload)
		}
		s.mu.Lock()
		changed := s.change()
		wait := s.live == nil && s.state != closed
		s.mu.Unlock()
		if wait {
			<-changed
		}
	}
}

// Close implements isolation.Sandbox.
func (s *sandbox) Close() error {
	s.once.Do(func() { s.closeErr = s.close() })
	return s.closeErr
}

func (s *sandbox) close() (err error) {
	p, dies := s.shut()
	if p != nil {
		if p.session != nil {
			p.listen() // the UC's last words
		}
		if dies || !p.giveBack() {
			err = p.end(true)
		}
	}
	s.mu.Lock()
	net := s.net
	s.mu.Unlock()
	if net != nil {
		net.Close() // the channel is shut, so nothing waits for the UC
	}
	s.backend.fleet.remove(s)
	if s.parent != nil {
		s.backend.unref(s.parent)
	}
	return err
}
