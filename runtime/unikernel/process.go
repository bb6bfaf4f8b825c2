package unikernel

import (
	"context"
	"errors"
	"fmt"
	"syscall"
	"time"

	"github.com/lambdabench/lambdabench/runtime/driver"
	"github.com/lambdabench/lambdabench/runtime/isolation"
	"github.com/lambdabench/lambdabench/runtime/unikernel/abi"
	"github.com/lambdabench/lambdabench/runtime/unikernel/guest"
	"github.com/lambdabench/lambdabench/runtime/unikernel/zygote"
)

// newProcess takes a child over as the process of a sandbox.
func (s *sandbox) newProcess(uc zygote.Child, channel *guest.Channel) *process {
	p := &process{of: s, uc: uc, channel: channel}
	p.cpu.groups = &s.backend.cpu
	s.backend.fleet.awakened(1)
	return p
}

// open gives the process the session that its calls go through.
func (p *process) open(session *driver.Session) {
	session.OnEnd(p.howItEnded)
	session.Log(&p.of.log)
	p.session = session
}

// kill tells the zygote to kill the UC. The channel stays for those who still ask.
func (p *process) kill() {
	p.killed.Do(func() {
		p.cpu.lift()
		p.uc.Kill()
	})
}

// end ends the process, and waits for its end if a caller or a cgroup does.
func (p *process) end(wait bool) error {
	if p.session != nil {
		p.session.Close()
	}
	p.kill()
	if wait || p.cpu.limited() {
		p.channel.AwaitEnd()
	}
	_ = p.channel.Shut()
	p.channel.DropPins()
	p.uncount()
	return p.cpu.free()
}

// uncount undoes what newProcess and spawn counted.
func (p *process) uncount() {
	if p.copied {
		p.of.parent.live.Add(-1)
	}
	p.of.backend.fleet.awakened(-1)
}

// resetPatience bounds the wait for a UC to come to where it can be reset. A UC that
// does not is busy, or hostile, and is killed.
const resetPatience = 20 * time.Millisecond

// giveBack is reset for a process that calls may still use: none is let in
// meanwhile.
func (p *process) giveBack() (ok bool) {
	if p.session == nil || p.of.parent == nil || p.of.hasNetwork() {
		return false
	}
	_ = p.session.Hold(func(driver.State) error { // a call is under way: the process ends
		ok = p.reset(p.past())
		return nil
	})
	if ok {
		p.session.Close()
	}
	return ok
}

// reset makes a process that nobody uses, and that ran functions of past, a spare
// again, and reports whether it did: its zygote gives every private page the content
// that the page had at the fork. The process, its page tables and the pages that every
// function writes are there already when the next order comes, so that a deploy costs
// neither a fork nor page faults, and the end of a UC not the end of a process. What
// makes this safe stands in abi/uc.h at UC_SLEEP_CALL and in csrc/tender/reset.c.
func (p *process) reset(past zygote.Tenancy) (ok bool) {
	z := p.uc.Zygote()
	if p.yields.Load() || p.channel.Said() || p.channel.Copying() || !z.Admits(past) || !p.cpu.leave() {
		return false
	}
	var spare zygote.Child
	p.killed.Do(func() { spare, ok = p.toSpare() }) // the UC's id is nobody's afterwards
	if !ok {
		return false
	}
	spare.Ran = past
	z.Put(spare)
	p.uncount()
	return true
}

// toSpare resets the UC, and kills it if that fails.
func (p *process) toSpare() (zygote.Child, bool) {
	next := p.of.backend.newRun(abi.Resume, p.of.limitsNow())
	c, err := p.rollBack(next)
	if err == nil {
		if fd, ok := p.channel.Detach(); ok {
			c.FD = fd
			return c, true
		}
	}
	c.Kill()
	return zygote.Child{}, false
}

// rollBack resets the UC's memory. A UC that waits for a timer, or still works, is
// told to sleep.
func (p *process) rollBack(next *zygote.Run) (zygote.Child, error) {
	c, err := p.tryRollBack(context.Background(), next)
	if !errors.Is(err, zygote.ErrAwake) {
		return c, err
	}
	if err := p.channel.Send(abi.Msg{Type: abi.Sleep}, nil); err != nil {
		return c, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), resetPatience)
	defer cancel()
	err = awaitQuiescence(ctx, func() (err error) {
		c, err = p.tryRollBack(ctx, next)
		return err
	})
	return c, err
}

// tryRollBack reports ErrAwake for a UC with an unread message, before the zygote looks at
// the UC. A kernel shows a task as asleep in its system call until another processor
// takes the wake-up in (TASK_WAKING in kernel/sched/core.c), so /proc/PID/syscall alone
// does not tell a sleeping UC from one that a message has just woken.
func (p *process) tryRollBack(ctx context.Context, next *zygote.Run) (zygote.Child, error) {
	if !p.channel.Delivered() {
		return p.uc, zygote.ErrAwake
	}
	return p.uc.Reset(ctx, next)
}

// past is what the process has run.
func (p *process) past() zygote.Tenancy {
	if t := p.of.tenant(); t.Ran {
		return t
	}
	return p.uc.Ran
}

// awaitQuiescence tries again while the UC is not at rest: after its reply, the
// guest still has to come to its next read.
func awaitQuiescence(ctx context.Context, try func() error) error {
	pause := 5 * time.Microsecond
	for until := time.Now().Add(restTime(ctx)); ; {
		err := try()
		if !errors.Is(err, zygote.ErrAwake) {
			return err
		}
		if time.Now().After(until) {
			return fmt.Errorf("%w (%w)", isolation.ErrNotQuiescent, ErrUnsettled)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause):
		}
		pause = min(2*pause, 5*time.Millisecond)
	}
}

// restTime bounds the wait for a UC's rest: 2 s, or a sixteenth of the time that the
// caller allows, because the guest's remaining work takes longer on a slower host.
func restTime(ctx context.Context) time.Duration {
	const least = 2 * time.Second
	if deadline, ok := ctx.Deadline(); ok {
		return max(least, time.Until(deadline)/16)
	}
	return least
}

// howItEnded says how the UC ended, for the session.
func (p *process) howItEnded() driver.End {
	end := driver.End{LimitBytes: p.of.limitsNow().MemoryBytes}
	e := p.channel.Exit()
	if e == nil {
		end.Status = "signal: " + syscall.SIGKILL.String()
		return end
	}
	switch e.Code {
	case abi.ExitOK:
		if e.ID != 0 {
			end.Status = fmt.Sprintf("exit status %d", e.ID)
		}
	case abi.ExitSignal:
		end.Status = "signal: " + syscall.Signal(e.ID).String()
		end.OutOfMemory = e.Memory
	case abi.ExitMemory:
		end.Status, end.OutOfMemory = e.Why, true
	default:
		end.Status = e.Why
	}
	return end
}

// unborn is the error of a UC whose process could not be forked. A UC that claims so
// harms its own call alone.
func (p *process) unborn() error {
	if e := p.channel.Exit(); e.Unborn() {
		return e.Err()
	}
	return nil
}

// explain adds what the UC said at its end to an error of the stream.
func (p *process) explain(err error) error {
	if e := p.channel.Exit(); e != nil && errors.Is(err, driver.ErrEnded) {
		return fmt.Errorf("%w: %w", err, e.Err())
	}
	return err
}

// unsent marks the error of a call of which the UC has seen nothing, because a
// process that the call needs is gone: another sandbox may take the call.
func (p *process) unsent(err error) error {
	if errors.Is(err, ErrTenderGone) || p.channel.Ended() {
		return fmt.Errorf("%w: %w", isolation.ErrUndelivered, err)
	}
	return err
}

// limitCPU puts the UC under a limit of processor time, or changes the limit.
func (p *process) limitCPU(ctx context.Context, cpus float64) error {
	return p.cpu.set(cpus, func() (int, error) { return p.uc.HostPID(ctx) })
}

// leave ends a call.
func (s *sandbox) leave(p *process) {
	s.mu.Lock()
	s.left = time.Now()
	s.mu.Unlock()
	s.release(p)
}

// release ends use or enter. The last user of a process that was woken and
// has served frees what the sandbox hibernated as; the last user of a process that was
// not forked has the sandbox hibernate as it did.
func (s *sandbox) release(p *process) {
	s.mu.Lock()
	s.users--
	undo := false
	if h := p.woken; s.users == 0 && h != nil {
		p.woken = nil
		if s.state == unborn {
			undo = true
			s.live, s.asleep = nil, h
			s.move(hibernated)
		} else {
			s.backend.arena.Drop(h.patches)
		}
	}
	s.mu.Unlock()
	if undo {
		_ = p.end(false) // a group that cannot be removed is removed by the next start
	}
}

// noticeEnd counts a UC that ended before a call reached it.
func (s *sandbox) noticeEnd(p *process, err error) {
	if errors.Is(err, isolation.ErrUndelivered) && p.unborn() == nil && s.countLost(p) {
		s.backend.losses.Lost(zygote.KindUC, 1, err)
	}
}

// countLost reports whether a process is to be counted as lost: once.
func (s *sandbox) countLost(p *process) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	again := p.lost || s.state == closed
	p.lost = true
	return !again
}
