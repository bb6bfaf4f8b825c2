package unikernel

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"golang.org/x/sys/unix"

	"github.com/lambdabench/lambdabench/runtime/isolation"
)

// Kinds of processes, as metrics name them.
const (
	kindRoot   = "root"
	kindZygote = "zygote" // a zygote
	kindSpare  = "spare"  // a spare in the pool
	kindUC     = "uc"
)

const (
	// lookEvery is how often the supervisor looks at all zygotes. An order that finds
	// its zygote dead wakes the supervisor sooner.
	lookEvery = 100 * time.Millisecond

	// checkEvery is how often it asks all zygotes for a sign of life, and looks at all
	// spares in the pool.
	checkEvery = time.Second

	// repairTime bounds the wait of a call for a zygote in place of dead ones, and one
	// start of a root.
	repairTime = 10 * time.Second

	// repairAgain is the pause after a repair that failed.
	repairAgain = 500 * time.Millisecond
)

// supervisor is told of processes that are lost, and counts and logs them.
type supervisor struct {
	log    *slog.Logger
	counts isolation.HelperCounts
	woken  chan struct{}
}

func newSupervisor(log *slog.Logger) *supervisor {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &supervisor{log: log, woken: make(chan struct{}, 1)}
}

// wake has the supervisor look now. It does not block. The supervisor is nil for a
// root that only probes the host.
func (s *supervisor) wake() {
	if s == nil {
		return
	}
	select {
	case s.woken <- struct{}{}:
	default:
	}
}

func (s *supervisor) lose(kind string, n int, why error) {
	if s == nil || n == 0 {
		return
	}
	s.counts.Lost(kind, n)
	s.log.Warn("unikernel: processes are lost", "kind", kind, "count", n, "error", why)
}

func (s *supervisor) replace(kind string, n int) {
	if s == nil || n == 0 {
		return
	}
	s.counts.Replaced(kind, n)
	s.log.Info("unikernel: processes are replaced", "kind", kind, "count", n)
}

// Helpers implements isolation.Supervisor.
func (b *Backend) Helpers() []isolation.Helper {
	return b.super.counts.List(kindRoot, kindZygote, kindSpare, kindUC)
}

// Health implements isolation.Supervisor.
func (b *Backend) Health(context.Context) error {
	b.mu.Lock()
	trouble, held, languages := b.trouble, b.overseen(), b.loadedLanguages()
	b.mu.Unlock()
	r := b.tender()
	if r == nil {
		return nil // not used yet
	}
	broken := ""
	if r.dead.Load() {
		broken = "the root of the tender is gone"
	}
	for _, l := range languages {
		if broken == "" && l.zygote.Load().dead.Load() {
			broken = "the image zygote of " + l.in.Runtime + " is gone"
		}
	}
	for _, s := range held {
		if broken == "" && s.parent == nil && s.zygotes.load().pick(tenancy{}) == nil {
			broken = "no zygote of the runtime snapshot of " + s.in.Runtime + " is left"
		}
	}
	switch {
	case broken == "":
		return nil
	case trouble != nil:
		return fmt.Errorf("%s and cannot be replaced: %w", broken, trouble)
	}
	return fmt.Errorf("%s and is being replaced", broken)
}

// tender is the root that is to be used now; nil before the first use.
func (b *Backend) tender() *tenderRoot { return b.root.Load() }

// oversee has the supervisor look after the zygotes of a snapshot until dismiss.
func (b *Backend) oversee(s *snap) {
	b.mu.Lock()
	b.holders[s] = struct{}{}
	b.mu.Unlock()
	b.super.wake() // a zygote may have died before the supervisor knew of it
}

// dismiss closes the zygotes of a snapshot that nobody uses any more.
func (b *Backend) dismiss(s *snap) {
	b.mu.Lock()
	delete(b.holders, s)
	b.mu.Unlock()
	if ns := s.zygotes.load(); ns != nil {
		ns.close()
		if s.parent != nil {
			b.promoted.Add(-1)
		}
	}
}

// overseen needs b.mu.
func (b *Backend) overseen() (all []*snap) {
	for s := range b.holders {
		all = append(all, s)
	}
	return all
}

// loadedLanguages needs b.mu.
func (b *Backend) loadedLanguages() (all []*language) {
	for _, l := range b.images {
		if l.loaded.Load() {
			all = append(all, l)
		}
	}
	return all
}

// zygoteOf is a live zygote that a snapshot can be deployed from for a tenant. While there is
// none, it waits for the supervisor.
func (b *Backend) zygoteOf(ctx context.Context, s *snap, t tenancy) (*zygote, error) {
	return b.awaitZygote(ctx, func() *zygote { return s.zygoteBelow(t) })
}

// liveRoot is the root, once it is alive.
func (b *Backend) liveRoot(ctx context.Context) (*zygote, error) {
	return b.awaitZygote(ctx, func() *zygote {
		if r := b.tender(); !r.dead.Load() {
			return r.zygote
		}
		return nil
	})
}

// imageZygote is a live zygote that boots a language.
func (b *Backend) imageZygote(ctx context.Context, l *language) (*zygote, error) {
	return b.awaitZygote(ctx, func() *zygote {
		if n := l.zygote.Load(); !n.dead.Load() {
			return n
		}
		return nil
	})
}

func (b *Backend) awaitZygote(ctx context.Context, find func() *zygote) (*zygote, error) {
	if n := find(); n != nil {
		return n, nil
	}
	ctx, cancel := context.WithTimeout(ctx, repairTime)
	defer cancel()
	for {
		b.mu.Lock()
		looked := b.looked
		b.mu.Unlock()
		if n := find(); n != nil {
			return n, nil
		}
		b.super.wake()
		select {
		case <-looked:
		case <-b.done:
			return nil, isolation.ErrClosed
		case <-ctx.Done():
			return nil, fmt.Errorf("%w, and no other took its place in time: %w", ErrTenderGone, errors.Join(ctx.Err(), b.Health(ctx)))
		}
	}
}

// supervise is the goroutine that owns the root, the zygotes and the spares in the pool;
// Close waits for it.
func (b *Backend) supervise() {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	b.workers.Go(func() {
		<-b.done
		cancel()
	})
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	var checked, failed time.Time
	for {
		select {
		case <-tick.C:
		case <-b.super.woken:
		case <-b.done:
			return
		}
		if time.Since(failed) < repairAgain {
			continue
		}
		err := b.repair(ctx)
		if err != nil && ctx.Err() == nil {
			failed = time.Now()
			b.super.log.Error("unikernel: a lost process cannot be replaced", "error", err)
		}
		if err == nil && time.Since(checked) >= checkEvery {
			checked = time.Now()
			b.checkAll()
		}
		b.mu.Lock()
		b.trouble = err
		close(b.looked)
		b.looked = make(chan struct{})
		b.mu.Unlock()
	}
}

// checkAll asks every zygote for a sign of life, and replaces spares whose processes
// ended.
func (b *Backend) checkAll() {
	b.mu.Lock()
	languages, held := b.loadedLanguages(), b.overseen()
	b.mu.Unlock()
	b.tender().ping()
	for _, l := range languages {
		l.zygote.Load().ping()
	}
	for _, s := range held {
		for _, n := range s.zygotes.load() {
			n.ping()
			if !n.dead.Load() {
				n.checkPool()
			}
		}
	}
}

// stopped reports whether somebody stopped the root: its parent is the platform,
// who alone is told (waitid(2)). The tender's processes kill those of their own
// children that are stopped (csrc/tender/zygote.c).
func (r *tenderRoot) stopped() bool {
	var info unix.Siginfo
	err := unix.Waitid(unix.P_PID, r.cmd.Process.Pid, &info, unix.WSTOPPED|unix.WNOHANG|unix.WNOWAIT, nil)
	return err == nil && info.Signo != 0
}
