package unikernel

import (
	"context"
	"slices"
	"time"

	"github.com/lambdabench/lambdabench/runtime/isolation"
)

// state is where a sandbox is in its life. A sandbox has a process in the states
// awake, hibernating, unborn and dying, and then in no other.
//
//	        Deploy, Boot
//	             │
//	  ┌────────► awake ──► dying ──────┐
//	  │   fails │   ▲  └──► unborn ──┐ │
//	waking      ▼   │ fails          │ │
//	  ▲     hibernating              │ │
//	  │          │                   │ │
//	  └── hibernated ◄───────────────┘ │
//	             └──► closed ◄─────────┘
type state uint8

const (
	awake       state = iota // has a process: it runs while it has users, and idles without
	hibernating              // has a process that the janitor looks at: calls wait
	hibernated               // has no process, but what a process needs to go on
	waking                   // one call gets it a process: other calls wait
	unborn                   // its process was not forked: it hibernates on when its users are gone
	dying                    // its process is being killed
	closed
)

// transitions are the states that may follow each.
var transitions = [...][]state{
	awake:       {hibernating, unborn, dying, closed},
	hibernating: {awake, hibernated},
	hibernated:  {waking, closed},
	waking:      {awake, hibernated},
	unborn:      {hibernated, closed},
	dying:       {closed},
	closed:      {},
}

// move enters a state, where the table allows it, and tells those who wait for a
// change. It needs s.mu.
func (s *sandbox) move(to state) bool {
	if !slices.Contains(transitions[s.state], to) {
		return false
	}
	s.state = to
	if s.changed != nil {
		close(s.changed)
		s.changed = nil
	}
	return true
}

// change is closed when the sandbox enters another state. It needs s.mu.
func (s *sandbox) change() <-chan struct{} {
	if s.changed == nil {
		s.changed = make(chan struct{})
	}
	return s.changed
}

// enter begins a call: the sandbox keeps its process until leave. A sandbox that
// hibernates is woken.
func (s *sandbox) enter(ctx context.Context) (*process, error) {
	s.mu.Lock()
	for {
		switch s.state {
		case awake, dying:
			defer s.mu.Unlock()
			s.users++
			s.touched = true
			s.tryAgain = time.Time{}
			return s.live, nil
		case closed:
			s.mu.Unlock()
			return nil, isolation.ErrClosed
		case hibernated:
			s.move(waking)
			s.mu.Unlock()
			return s.wake(ctx)
		}
		changed := s.change()
		s.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
		s.mu.Lock()
	}
}

// leave ends a call.
func (s *sandbox) leave(p *process) {
	s.mu.Lock()
	s.left = time.Now()
	s.mu.Unlock()
	s.release(p)
}

// use is the process for a short look that wakes nobody: nil while the sandbox
// hibernates. release ends the look.
func (s *sandbox) use() (*process, error) {
	s.mu.Lock()
	for {
		switch s.state {
		case awake, dying:
			defer s.mu.Unlock()
			s.users++
			return s.live, nil
		case hibernated, waking:
			s.mu.Unlock()
			return nil, nil
		case closed:
			s.mu.Unlock()
			return nil, isolation.ErrClosed
		}
		changed := s.change()
		s.mu.Unlock()
		<-changed // the janitor's, or the last user's
		s.mu.Lock()
	}
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

// begin has the janitor look at a sandbox that has no users. due says whether it is
// time, with s.mu held.
func (s *sandbox) begin(due func() bool) (*process, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.state == dying || s.state == closed:
		return nil, isolation.ErrClosed
	case s.state != awake || s.users > 0 || due != nil && !due():
		return nil, isolation.ErrBusy
	}
	s.move(hibernating)
	return s.live, nil
}

// finish ends what begin began: the sandbox hibernates as h, or stays awake for nil.
func (s *sandbox) finish(h *hibernation) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if h == nil {
		s.move(awake)
		return
	}
	s.live, s.asleep = nil, h
	s.move(hibernated)
}

// woke ends a wake: the call that woke the sandbox uses p, or the sandbox
// hibernates on for nil.
func (s *sandbox) woke(p *process) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if p == nil {
		s.move(hibernated)
		return
	}
	p.woken = s.asleep
	s.live, s.asleep, s.users = p, nil, 1
	s.touched = true
	s.tryAgain = time.Time{}
	s.move(awake)
}

// shut lets no further call in. It returns the process, which Close ends, or nil
// for a sandbox that hibernated. The janitor's look and a wake come to their ends
// first.
func (s *sandbox) shut() (p *process, dies bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for dies = s.state == dying; !s.move(closed); dies = s.state == dying {
		changed := s.change()
		s.mu.Unlock()
		<-changed
		s.mu.Lock()
	}
	h := s.asleep
	p, s.live, s.asleep = s.live, nil, nil
	if p != nil && s.users == 0 {
		h, p.woken = p.woken, nil
	}
	if h != nil {
		s.backend.arena.Drop(h.patches)
	}
	return p, dies
}

// isClosed reports whether no call is let in any more.
func (s *sandbox) isClosed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state == closed
}
