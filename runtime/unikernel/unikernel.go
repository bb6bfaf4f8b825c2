package unikernel

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lambdabench/lambdabench/runtime/cgroup"
	"github.com/lambdabench/lambdabench/runtime/driver"
	"github.com/lambdabench/lambdabench/runtime/isolation"
	"github.com/lambdabench/lambdabench/runtime/unikernel/proxy"
	"github.com/lambdabench/lambdabench/runtime/unikernel/snapshot"
)

// Name of the backend in configurations and records.
const Name = "unikernel"

// Config of the backend; the zero value works.
type Config struct {
	// Dir is where file images of language runtimes are kept between runs; the
	// user's cache directory by default.
	Dir string

	// Spares is how many spares a snapshot keeps ready, so that a deploy does not
	// wait for a fork. 0: four a processor, 8 to 32. Below 0: none.
	Spares int

	// HibernateAfter is how long a UC is idle before its process is taken away,
	// and of its memory only kept what is not in its snapshot (hibernate.go): its
	// next call is as slow as a warm one. 0: 10 s. Negative: never for its age.
	HibernateAfter time.Duration

	// Awake is how many UCs have a process, before those that are idle hibernate
	// sooner. 0: 1,024. No more than half of RLIMIT_NOFILE.
	Awake int

	// Allow lists what functions may reach over the network, see
	// proxy.ParseRules: "api.example.com:443". Nothing by default. An address on the
	// host's loopback is reached under its own name, 127.0.0.1, if it is listed
	// and nothing in the UC listens there.
	Allow []string

	// Log is told of processes that are lost and replaced. nil: nobody.
	Log *slog.Logger

	// Trace counts every system call of every UC; see Backend.Trace.
	Trace bool
}

// Backend runs every sandbox as a unikernel context.
type Backend struct {
	cfg Config

	starting chan struct{} // holds one entry while the tender starts
	root     atomic.Pointer[tenderRoot]
	arena    *snapshot.Arena
	rules    *proxy.Rules

	super    *supervisor
	rootLost *tenderRoot // the last root that was counted as lost; the supervisor's own

	mu      sync.Mutex
	closed  bool
	images  map[string]*language // by runtime identifier
	ring    []*sandbox           // all that live
	hand    int                  // of the clock that goes over ring
	holders map[*snap]struct{}   // snapshots that have zygotes
	trouble error                // why the last repair failed
	looked  chan struct{}        // closed when the supervisor has looked once more

	readers        atomic.Int32 // see channel
	awake          atomic.Int64 // UCs that have a process
	maxAwake       int64
	oversubscribed chan struct{}
	done           chan struct{} // closed by Close

	pids atomic.Uint32
	cpu  cpuGroups

	captured   chan *snap // to be committed
	promotions chan promotion
	promoted   atomic.Int64 // function snapshots with a zygote of their own
	workers    sync.WaitGroup

	supervising sync.WaitGroup // ends before what the supervisor uses
}

// New returns the backend. Nothing is touched before its first use.
func New(cfg Config) *Backend {
	return &Backend{
		cfg: cfg, starting: make(chan struct{}, 1), super: newSupervisor(cfg.Log), maxAwake: cfg.maxAwake(),
		images: map[string]*language{}, holders: map[*snap]struct{}{}, looked: make(chan struct{}),
		captured: make(chan *snap, 1024), promotions: make(chan promotion, 16), oversubscribed: make(chan struct{}, 1), done: make(chan struct{}),
	}
}

// Name implements isolation.Backend.
func (b *Backend) Name() string { return Name }

// Anticipate implements isolation.Anticipator.
func (b *Backend) Anticipate() []string {
	return []string{driver.StepNetwork, driver.StepInterpreter, StepPrefetch}
}

// Probe implements isolation.Backend.
func (b *Backend) Probe(ctx context.Context) error { return probe(ctx) }

// prepare starts the tender, once. A start that failed is tried again by the
// next call: the lack may have been a passing one, or the caller's time.
func (b *Backend) prepare(ctx context.Context) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	select {
	case b.starting <- struct{}{}:
		defer func() { <-b.starting }()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	b.mu.Lock()
	closed := b.closed
	b.mu.Unlock()
	switch {
	case closed:
		return isolation.ErrClosed
	case b.tender() != nil:
		return nil
	}
	return b.start(ctx)
}

func (b *Backend) start(ctx context.Context) (err error) {
	if b.rules, err = proxy.ParseRules(b.cfg.Allow); err != nil {
		return err
	}
	if err := cgroup.Sweep(cpuPrefix); err != nil {
		return err
	}
	arena, err := snapshot.NewArena()
	if err != nil {
		return err
	}
	root, err := startRoot(ctx)
	if err != nil {
		return errors.Join(err, arena.Close())
	}
	root.super = b.super
	b.arena = arena
	b.root.Store(root)
	b.supervising.Go(b.supervise)
	b.workers.Go(b.commitCaptures)
	b.workers.Go(b.makeRoom)
	b.workers.Go(b.promote)
	b.workers.Go(b.watchMemory)
	if b.cfg.hibernateAfter() > 0 {
		b.workers.Go(b.hibernateIdle)
	}
	return nil
}

// commitLater has a captured layer moved to where it stays, off the path of
// the invocation that it was captured in.
func (b *Backend) commitLater(s *snap) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return
	}
	select {
	case b.captured <- s:
		s.refs++
	default: // a burst: it keeps its stage
	}
}

// commit is the goroutine of commitLater; Close waits for it.
func (b *Backend) commitCaptures() {
	for s := range b.captured {
		// Out of memory, a layer stays in its stage, where it is whole.
		_ = s.layer.Commit(b.restOfCommit)
		if e := s.parent.candidates; e != nil {
			e.Observe(s.layer)
		}
		b.release(s)
	}
}

// restOfCommit leaves the processor to calls for some milliseconds, unless further
// captures wait.
func (b *Backend) restOfCommit() {
	if len(b.captured) > 0 {
		return
	}
	select {
	case <-time.After(2 * time.Millisecond):
	case <-b.done:
	}
}

// Close implements isolation.Backend.
func (b *Backend) Close() error {
	b.mu.Lock()
	if b.closed {
		b.mu.Unlock()
		return nil
	}
	b.closed = true
	b.mu.Unlock()
	b.starting <- struct{}{} // a start that is under way ends first
	<-b.starting
	b.mu.Lock()
	live := slices.Clone(b.ring)
	b.mu.Unlock()
	close(b.done)
	b.stopRoot() // ends all UCs at once, and every wait for one
	b.supervising.Wait()
	b.stopRoot() // one that the supervisor had just started
	var errs []error
	for _, sb := range live {
		errs = append(errs, sb.Close())
	}
	b.mu.Lock()
	languages := slices.Collect(maps.Values(b.images))
	b.mu.Unlock()
	for _, l := range languages {
		l.close()
	}
	close(b.captured)
	close(b.promotions)
	b.workers.Wait()
	errs = append(errs, b.cpu.close())
	if b.arena != nil {
		errs = append(errs, b.arena.Close())
	}
	return errors.Join(errs...)
}

func (b *Backend) stopRoot() {
	if r := b.tender(); r != nil {
		r.stop()
	}
}

func (b *Backend) isClosed() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.closed
}

// all are the sandboxes that live.
func (b *Backend) all() []*sandbox {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.ring)
}
