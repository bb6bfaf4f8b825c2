package unikernel

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lambdabench/lambdabench/runtime/driver"
	"github.com/lambdabench/lambdabench/runtime/isolation"
	"github.com/lambdabench/lambdabench/runtime/unikernel/guest"
	"github.com/lambdabench/lambdabench/runtime/unikernel/proxy"
	"github.com/lambdabench/lambdabench/runtime/unikernel/snapshot"
	"github.com/lambdabench/lambdabench/runtime/unikernel/zygote"
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
	hibernated               // has no process, but a hibernation from which one can go on
	waking                   // one call gets it a process: other calls wait
	unborn                   // its process was not forked: without users it is hibernated again
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

// sandbox is the identity of one unikernel context: what it keeps while its
// processes come and go.
type sandbox struct {
	backend *Backend
	in      isolation.Interpreter
	parent  *snap  // it was deployed from; nil: booted
	pid     uint32 // as the guest sees it
	trains  bool   // a runtime snapshot of it records what functions touch
	// training names the training functions that a runtime snapshot of it learns from.
	training []string
	log      driver.Output
	at       int // in the fleet's ring; guarded by the fleet's mu

	// holes are ranges that the guest gave back before its last wake: zeros lie there,
	// whatever is in the snapshot. The janitor alone changes them, in state hibernating.
	holes []snapshot.Range

	mu       sync.Mutex
	state    state            // guarded by mu, as all below
	changed  chan struct{}    // closed at the next change of state; nil: nobody waits
	live     *process         // nil without a process
	asleep   *hibernation     // nil with a process
	users    int              // of live
	touched  bool             // by a call, since the clock's hand was here
	left     time.Time        // when the last call ended
	tryAgain time.Time        // to hibernate, not before
	spent    time.Duration    // processor time of processes that it had before
	limits   isolation.Limits // of memory, threads and processor time
	owner    zygote.Tenancy   // whose function it runs; not known before its import
	net      *proxy.Proxy     // from its first network message on

	once     sync.Once
	closeErr error
}

// process is what a sandbox runs in until it hibernates or ends. Once others know
// it, a process does not change but for the fields that are guarded.
type process struct {
	of      *sandbox
	uc      zygote.Child
	channel *guest.Channel
	session *driver.Session
	cpu     cpuLimit

	copied bool         // pages of small layers were copied for it: counted in parent.live
	fresh  atomic.Bool  // deployed by copying, and no call has ended
	yields atomic.Bool  // has SCHED_IDLE, and may serve no other sandbox
	woken  *hibernation // what it was woken from, until a call has shown that it was forked; guarded by of.mu
	lost   bool         // counted as lost; guarded by of.mu

	killed sync.Once
}

// hibernation is what a process needs to go on as the UC that hibernates.
type hibernation struct {
	patches []snapshot.Slot // hold bytes bytes
	bytes   int
	session *driver.Session // closed
}

// newSandbox makes a sandbox that start gives its first process.
func (b *Backend) newSandbox(in isolation.Interpreter, limits isolation.Limits) *sandbox {
	return &sandbox{backend: b, in: in, limits: limits, touched: true}
}

// start makes the sandbox known, with its first process. Its maker uses the process
// until leave.
func (s *sandbox) start(p *process) {
	s.live, s.users = p, 1
	s.backend.fleet.add(s)
}

func (s *sandbox) place() *int { return &s.at }

// move enters a state if the table allows it, and closes the channel of those who wait
// for a change. It needs s.mu.
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

// admit lets a call in, which uses the process. Without a process, the call waits
// for the next change, or, for a nil channel, wakes the sandbox.
func (s *sandbox) admit() (*process, <-chan struct{}, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch s.state {
	case awake, dying:
		s.users++
		s.touched = true
		s.tryAgain = time.Time{}
		return s.live, nil, nil
	case closed:
		return nil, nil, isolation.ErrClosed
	case hibernated:
		s.move(waking)
		return nil, nil, nil
	}
	return nil, s.change(), nil
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

// begin starts the janitor's look at a sandbox that has no users. due, which is called
// with s.mu held, says whether it is time.
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

// finish ends the janitor's look: with h the sandbox is hibernated, without it stays
// awake.
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

// woke ends a wake. The waking call becomes the first user of p; without a process the
// sandbox is hibernated as before.
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

// shut lets no further call in. It returns the process that Close ends, nil for a
// sandbox that hibernated. A look of the janitor or a wake that is under way ends first.
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

// tenant is whose function a sandbox runs.
func (s *sandbox) tenant() zygote.Tenancy {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.owner
}

func (s *sandbox) limitsNow() isolation.Limits {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.limits
}

func (s *sandbox) hasNetwork() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.net != nil
}
