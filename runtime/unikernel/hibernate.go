package unikernel

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/lambdabench/lambdabench/runtime/driver"
	"github.com/lambdabench/lambdabench/runtime/isolation"
	"github.com/lambdabench/lambdabench/runtime/unikernel/abi"
	"github.com/lambdabench/lambdabench/runtime/unikernel/snapshot"
	"github.com/lambdabench/lambdabench/runtime/unikernel/zygote"
)

// An idle UC needs no process. Page tables, mappings and descriptors bound how many
// processes a host holds, and most pages that a UC has written differ by a few words
// from those that it began with. So an idle UC hibernates: these words, its patches,
// are kept (csrc/tender/patches.c), its process becomes a spare again or ends, and
// the next call lays the patches over a spare: the same UC, with its own process id,
// random state and connections. Its connections stand still meanwhile. A UC that
// waits for a timer stays awake.

const (
	// hibernatePatience is how long a UC has time to come to its sleep. A call that
	// comes meanwhile waits.
	hibernatePatience = 5 * time.Millisecond

	// hibernateAgain is when a UC is tried again that could not hibernate.
	hibernateAgain = 10 * time.Second
)

// errTalks: the UC has sent messages that no call has read yet.
var errTalks = errors.New("the unikernel context has unread messages")

// hibernate takes the process away from a UC that was idle for so long (0: since
// the clock's hand was here, see fleet.go). It reports whether it did.
func (s *sandbox) hibernate(idle time.Duration) bool {
	return s.tryHibernate(func() bool { return s.due(idle) }) == nil
}

// due reports whether it is time to try. It needs s.mu.
func (s *sandbox) due(idle time.Duration) bool {
	if idle == 0 && s.touched {
		s.touched = false
		return false
	}
	now := time.Now()
	if s.parent == nil || now.Sub(s.left) < idle || now.Before(s.tryAgain) {
		return false
	}
	s.tryAgain = now.Add(hibernateAgain)
	return true
}

func (s *sandbox) tryHibernate(due func() bool) error {
	p, err := s.begin(due)
	if err != nil {
		return err
	}
	h, err := p.hibernation()
	if errors.Is(err, errTalks) && p.listen() {
		h, err = p.hibernation()
	}
	past := p.past() // a call that wakes the sandbox may change its account
	s.finish(h)
	if err != nil {
		return fmt.Errorf("hibernate: %w", err)
	}
	// The sandbox may wake in another process from here on.
	if !p.reset(past) {
		_ = p.end(false) // a group that cannot be removed is removed by the next start
	}
	return nil
}

// hibernation finds what of the UC is not in its snapshot, and keeps it.
func (p *process) hibernation() (h *hibernation, err error) {
	err = p.session.Hold(func(st driver.State) error {
		if p.channel.Copying() {
			return isolation.ErrBusy
		}
		if st.Unread {
			return errTalks
		}
		h, err = p.patches()
		return err
	})
	if err == nil {
		p.session.Close()
	}
	return h, err
}

func (p *process) patches() (*hibernation, error) {
	s := p.of
	plan, pins := s.parent.layer.PlanOver(p.uc.Zygote().Holds, s.holes)
	defer pins.Release()
	ctx, cancel := context.WithTimeout(context.Background(), hibernatePatience)
	defer cancel()
	var patches []byte
	var holes []snapshot.Range
	err := awaitQuiescence(ctx, func() (err error) {
		if !p.channel.Delivered() {
			return zygote.ErrAwake
		}
		patches, holes, err = p.uc.Patches(ctx, plan)
		return err
	})
	if err != nil {
		return nil, err
	}
	if !p.channel.Quiet() {
		return nil, errTalks
	}
	slots, err := s.backend.arena.Put(patches)
	if err != nil {
		return nil, err
	}
	s.holes = snapshot.Union(append(s.holes, holes...))
	st, _ := p.uc.Stat(context.Background()) // a process that is gone keeps its time for itself
	s.mu.Lock()
	s.spent += st.CPU
	s.mu.Unlock()
	return &hibernation{patches: slots, bytes: len(patches), session: p.session}, nil
}

// listen hands what the UC sent by itself to its network and its console. It
// reports whether no message is left.
func (p *process) listen() (all bool) {
	_ = p.session.Hold(func(driver.State) error { // a session in use reads the messages itself
		all = p.channel.Hear()
		return nil
	})
	return all
}

// enter begins a call: the sandbox keeps its process until leave. A sandbox that
// hibernates is woken.
func (s *sandbox) enter(ctx context.Context) (*process, error) {
	for {
		p, changed, err := s.admit()
		switch {
		case p != nil || err != nil:
			return p, err
		case changed == nil:
			return s.wake(ctx)
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// wake gives a sandbox in state waking a process again, from any live zygote of its
// snapshot. The caller uses the process.
func (s *sandbox) wake(ctx context.Context) (*process, error) {
	s.backend.fleet.reclaim()
	p, err := s.revive(ctx)
	s.woke(p)
	if err != nil {
		return nil, fmt.Errorf("%w: wake a unikernel context: %w", isolation.ErrUndelivered, err)
	}
	return p, nil
}

// revive makes the process of a sandbox in state waking.
func (s *sandbox) revive(ctx context.Context) (*process, error) {
	h, owner := s.asleep, s.tenant() // asleep does not change in this state
	patches := make([]byte, h.bytes)
	if err := s.backend.arena.Get(h.patches, patches); err != nil {
		return nil, err
	}
	r := s.backend.newRun(abi.Resume, s.limitsNow())
	r.PID, r.KeepsPID, r.Patches = s.pid, true, patches
	p, err := s.backend.spawnAny(ctx, s, r, owner)
	if err == nil {
		p.open(h.session.Move(p.channel))
	}
	return p, err
}
