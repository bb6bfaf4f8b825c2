package unikernel

import (
	"context"
	"crypto/rand"
	"log/slog"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lambdabench/lambdabench/runtime/isolation"
	"github.com/lambdabench/lambdabench/runtime/unikernel/abi"
	"github.com/lambdabench/lambdabench/runtime/unikernel/proxy"
	"github.com/lambdabench/lambdabench/runtime/unikernel/snapshot"
	"github.com/lambdabench/lambdabench/runtime/unikernel/zygote"
)

// Name of the backend in configurations and records.
const Name = zygote.Backend

// Config of the backend; the zero value works.
type Config struct {
	// Dir is where file images of language runtimes are kept between runs; the
	// user's cache directory by default.
	Dir string

	// Spares is how many spares a snapshot keeps ready, so that a deploy does not
	// wait for a fork. 0: four a processor, 8 to 32. Below 0: none.
	Spares int

	// HibernateAfter is how long a UC is idle before it hibernates (hibernate.go): its
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

// hibernateAfter is 0 for never.
func (c Config) hibernateAfter() time.Duration {
	switch {
	case c.HibernateAfter < 0:
		return 0
	case c.HibernateAfter == 0:
		return defaultHibernateAfter
	}
	return c.HibernateAfter
}

// sparesPerZygote is the least that is worth a zygote.
const sparesPerZygote = 4

// spares is how many spares the zygotes of a snapshot have between them.
func (c Config) spares() int {
	switch {
	case c.Spares < 0:
		return 0
	case c.Spares == 0:
		return min(max(8, sparesPerZygote*runtime.GOMAXPROCS(0)), 32)
	}
	return c.Spares
}

// Backend runs every sandbox as a unikernel context.
type Backend struct {
	cfg Config

	starting chan struct{} // holds one entry while the tender starts
	root     atomic.Pointer[zygote.Root]
	arena    *snapshot.Arena
	rules    *proxy.Rules
	losses   *zygote.Losses
	cpu      cpuGroups
	fleet    fleet[*sandbox]
	readers  atomic.Int32 // see guest.NewChannel
	pids     atomic.Uint32

	mu      sync.Mutex
	closed  bool
	images  map[string]*language // by the interpreter's path; guarded by mu
	holders map[*snap]struct{}   // snapshots that have zygotes; guarded by mu
	trouble error                // why the last repair failed; guarded by mu
	looked  chan struct{}        // closed when the supervisor has looked once more; guarded by mu

	captured   chan *snap // whose pages are to be deduplicated
	promotions chan promotion
	promoted   atomic.Int64  // function snapshots with a zygote of their own
	done       chan struct{} // closed by Close

	rootLost    *zygote.Root   // the last root that was counted as lost; the supervisor's
	supervising sync.WaitGroup // ends before what the supervisor uses
	workers     sync.WaitGroup
}

// Name implements isolation.Backend.
func (b *Backend) Name() string { return Name }

// footprint of an idle UC, in bytes. A UC that hibernates keeps a fraction of it
// (results, table 'Density', state idle); a UC that is awake takes some times as
// much, but few are: see Config.Awake.
const footprint = 512 << 10

// Footprint implements isolation.Footprinter.
func (b *Backend) Footprint() int64 { return footprint }

// CanLimit implements isolation.Limiter. Memory is bounded by the UC's own
// kernel, and processes are not to be had in it.
func (b *Backend) CanLimit(l isolation.Limits) error {
	if l.CPUs <= 0 {
		return nil
	}
	_, err := b.cpu.ensure()
	return err
}

// Probe implements isolation.Backend: it starts a tender and ends it.
func (b *Backend) Probe(ctx context.Context) error { return probe(ctx) }

func probe(ctx context.Context) error {
	r, err := zygote.Start(ctx, nil)
	if err != nil {
		return err
	}
	r.Stop()
	return nil
}

// tender is the root that is to be used now; nil before the first use.
func (b *Backend) tender() *zygote.Root { return b.root.Load() }

func (b *Backend) isClosed() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.closed
}

// newRun is an order to become a UC like no other: its own process id and entropy.
func (b *Backend) newRun(how uint32, l isolation.Limits) *zygote.Run {
	// Process ids begin where a small namespace's would, and come round after two
	// million: from there on ids are those of threads.
	pid := 1000 + b.pids.Add(1)%(abi.FirstTID-1000)
	r := &zygote.Run{How: how, PID: pid, Memory: l.MemoryBytes, Threads: l.Processes}
	if b.cfg.Trace {
		r.Flags |= abi.FlagTrace
	}
	rand.Read(r.Entropy[:])
	return r
}
