package unikernel

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lambdabench/lambdabench/runtime"
	"github.com/lambdabench/lambdabench/runtime/driver"
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

	// Stock is how many blanks a snapshot keeps ready, so that a deploy does not
	// wait for a fork. 0: four a processor, 8 to 32. Below 0: none.
	Stock int

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

	// Trace counts every system call of every UC; see Backend.Trace.
	Trace bool
}

// Backend runs every sandbox as a unikernel context.
type Backend struct {
	cfg Config

	starting chan struct{} // holds one entry while the tender starts
	root     *tenderRoot
	arena    *snapshot.Arena
	rules    *proxy.Rules

	mu     sync.Mutex
	closed bool
	images map[string]*language // by runtime identifier
	ring   []*sandbox           // all that live
	hand   int                  // of the clock that goes over ring

	readers  atomic.Int32 // see channel
	awake    atomic.Int64 // UCs that have a process
	maxAwake int64
	crowded  chan struct{}
	done     chan struct{} // closed by Close

	pids atomic.Uint32
	cpu  cpuGroups

	captured   chan *snap // to be settled
	promotions chan promotion
	promoted   atomic.Int64 // function snapshots with a node of their own
	workers    sync.WaitGroup
}

// New returns the backend. Nothing is touched before its first use.
func New(cfg Config) *Backend {
	return &Backend{
		cfg: cfg, starting: make(chan struct{}, 1), images: map[string]*language{}, captured: make(chan *snap, 1024),
		promotions: make(chan promotion, 16), crowded: make(chan struct{}, 1), done: make(chan struct{}), maxAwake: cfg.maxAwake(),
	}
}

// Name implements runtime.Backend.
func (b *Backend) Name() string { return Name }

// Anticipate implements runtime.Anticipator.
func (b *Backend) Anticipate() []string {
	return []string{driver.StepNetwork, driver.StepInterpreter, StepPrefetch}
}

// Probe implements runtime.Backend.
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
		return runtime.ErrClosed
	case b.root != nil:
		return nil
	}
	return b.start(ctx)
}

func (b *Backend) start(ctx context.Context) (err error) {
	if b.rules, err = proxy.ParseRules(b.cfg.Allow); err != nil {
		return err
	}
	if err := sweepCPUGroups(); err != nil {
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
	b.arena, b.root = arena, root
	b.workers.Go(b.settle)
	b.workers.Go(b.makeRoom)
	b.workers.Go(b.promote)
	b.workers.Go(b.watchMemory)
	if b.cfg.hibernateAfter() > 0 {
		b.workers.Go(b.hibernateIdle)
	}
	return nil
}

// settleLater has a captured layer moved to where it stays, off the path of
// the invocation that it was captured in.
func (b *Backend) settleLater(s *snap) {
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

// settle is the goroutine of settleLater; Close waits for it.
func (b *Backend) settle() {
	for s := range b.captured {
		// Out of memory, a layer stays in its stage, where it is whole.
		_ = s.layer.Settle()
		if e := s.parent.expected; e != nil {
			e.Learn(s.layer)
		}
		b.release(s)
	}
}

// Close implements runtime.Backend.
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
	if b.root != nil {
		b.root.stop() // ends all UCs at once
	}
	var errs []error
	for _, sb := range live {
		errs = append(errs, sb.Close())
	}
	for _, l := range b.images {
		if l.node != nil {
			l.node.close()
		}
		if l.image != nil {
			l.image.Close()
		}
	}
	close(b.captured)
	close(b.promotions)
	close(b.done)
	b.workers.Wait()
	errs = append(errs, b.cpu.close())
	if b.arena != nil {
		errs = append(errs, b.arena.Close())
	}
	return errors.Join(errs...)
}
