package unikernel

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lambdabench/lambdabench/runtime"
	"github.com/lambdabench/lambdabench/runtime/driver"
	"github.com/lambdabench/lambdabench/runtime/unikernel/abi"
	"github.com/lambdabench/lambdabench/runtime/unikernel/image"
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

	// Stock is how many blanks each node that deploys keeps ready, so that a
	// deploy does not wait for a fork. 0 takes the default, below 0 none.
	Stock int

	// TrimAfter is how long a UC is idle before it keeps of its pages only
	// what is not in its snapshot (trim.go): a fifth of the memory, but a slower
	// next call. 0: 10 s. Negative: never.
	TrimAfter time.Duration

	// Allow lists what functions may reach over the network, see
	// proxy.ParseRules: "api.example.com:443". Nothing by default. An address on the
	// host's loopback is reached under its own name, 127.0.0.1, if it is listed
	// and nothing in the UC listens there.
	Allow []string

	// Trace counts every system call of every UC; see Backend.Trace.
	Trace bool
}

const defaultStock = 8

// Backend runs every sandbox as a unikernel context.
type Backend struct {
	cfg   Config
	once  sync.Once
	err   error
	root  *tenderRoot
	arena *snapshot.Arena
	rules *proxy.Rules

	mu     sync.Mutex
	closed bool
	images map[string]*language // by runtime identifier
	ring   []*sandbox           // all that live
	hand   int                  // of the clock that goes over ring

	parking sync.Mutex // guards lockers
	lockers []*locker
	open    atomic.Int64
	maxOpen int
	crowded chan struct{}
	done    chan struct{} // closed by Close

	pids atomic.Uint32
	cpu  cpuGroups

	captured   chan *snap // to be settled
	promotions chan promotion
	promoted   atomic.Int64 // function snapshots with a node of their own
	workers    sync.WaitGroup
}

// language is what the backend holds of one language runtime.
type language struct {
	once  sync.Once
	err   error
	key   string // names the image's content
	image *os.File
	node  *node // has the image mapped and nothing in the region: boots
}

// New returns the backend. Nothing is touched before its first use.
func New(cfg Config) *Backend {
	return &Backend{cfg: cfg, images: map[string]*language{}, captured: make(chan *snap, 1024), promotions: make(chan promotion, 16), crowded: make(chan struct{}, 1), done: make(chan struct{}), maxOpen: maxOpen()}
}

// Name implements runtime.Backend.
func (b *Backend) Name() string { return Name }

// Anticipate implements runtime.Anticipator.
func (b *Backend) Anticipate() []string {
	return []string{driver.StepNetwork, driver.StepInterpreter, StepPrefetch}
}

// Probe implements runtime.Backend.
func (b *Backend) Probe(ctx context.Context) error { return probe(ctx) }

// prepare starts the tender, once.
func (b *Backend) prepare() error {
	b.once.Do(func() {
		if b.rules, b.err = proxy.ParseRules(b.cfg.Allow); b.err != nil {
			return
		}
		if b.err = sweepCPUGroups(); b.err != nil {
			return
		}
		if b.arena, b.err = snapshot.NewArena(); b.err != nil {
			return
		}
		if b.root, b.err = startRoot(); b.err == nil {
			b.workers.Go(b.settle)
			b.workers.Go(b.parkIdle)
			b.workers.Go(b.promote)
			if b.cfg.trimAfter() > 0 {
				b.workers.Go(b.trimIdle)
			}
		}
	})
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return runtime.ErrClosed
	}
	return b.err
}

// Boot implements runtime.Backend.
func (b *Backend) Boot(ctx context.Context, spec runtime.BootSpec) (runtime.Sandbox, error) {
	sb, err := b.boot(ctx, spec)
	if err != nil {
		return nil, fmt.Errorf("boot %s in a unikernel context: %w", spec.Interpreter.Runtime, err)
	}
	return sb, nil
}

func (b *Backend) boot(ctx context.Context, spec runtime.BootSpec) (*sandbox, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := b.prepare(); err != nil {
		return nil, err
	}
	l, err := b.language(ctx, spec.Interpreter)
	if err != nil {
		return nil, err
	}
	name, _, err := driver.Source(spec.Interpreter.Language)
	if err != nil {
		return nil, err
	}
	r := b.runOrder(abi.Boot, l.node, spec.Limits)
	r.program = spec.Interpreter.Path
	r.args = append([]string{spec.Interpreter.Path}, interpreterArgs(spec.Interpreter.Language, driverPath(name))...)
	r.env = []string{"PATH=/usr/local/bin:/usr/bin:/bin", "HOME=/tmp", "LANG=C.UTF-8", "TMPDIR=/tmp"}
	blank, err := l.node.fork()
	if err != nil {
		return nil, err
	}
	sb := b.newSandbox(blank, spec.Interpreter, spec.Limits)
	defer sb.leave()
	if err := sendRun(blank.fd, r); err != nil {
		sb.Close()
		return nil, err
	}
	sb.session, _, err = driver.Open(ctx, sb.channel)
	if err == nil {
		sb.session.OnEnd(sb.learnEnd)
		err = sb.limitCPU(spec.Limits.CPUs)
	}
	if err == nil {
		var steps []string
		if steps, sb.prefetch = split(spec.Prepare); len(steps) > 0 {
			err = sb.session.Prepare(ctx, steps)
		}
	}
	if err != nil {
		err = sb.explain(err)
		sb.Close()
		return nil, err
	}
	return sb, nil
}

func driverPath(name string) string { return "/opt/lambdabench/" + name }

// interpreterArgs: WebAssembly's trap handler wants guard pages that fault,
// which the region does not have.
func interpreterArgs(lang runtime.Language, path string) []string {
	args := driver.Args(lang, path)
	if lang == runtime.NodeJS {
		args = append([]string{"--disable-wasm-trap-handler"}, args...)
	}
	return args
}

// runOrder is an order to become a UC like no other: its own process id and
// entropy.
func (b *Backend) runOrder(how uint32, n *node, limits runtime.Limits) *runOrder {
	r := &runOrder{op: opRun, how: how, pid: b.pid(), cpus: 1, imageSize: n.imageSize, memLimit: uint64(limits.MemoryBytes), threads: uint64(limits.Processes)}
	if b.cfg.Trace {
		r.flags |= abi.FlagTrace
	}
	rand.Read(r.entropy[:])
	r.machine = b.root.machine
	return r
}

// pid numbers UCs. They begin where a small namespace's would, and come round
// after two million: from there on ids are those of threads.
func (b *Backend) pid() uint32 { return 1000 + b.pids.Add(1)%(abi.FirstTID-1000) }

// language prepares a language runtime, once: its image and the node that
// boots it.
func (b *Backend) language(ctx context.Context, in runtime.Interpreter) (*language, error) {
	b.mu.Lock()
	l := b.images[in.Path]
	if l == nil {
		l = &language{}
		b.images[in.Path] = l
	}
	b.mu.Unlock()
	l.once.Do(func() { l.err = l.load(ctx, b, in) })
	return l, l.err
}

func (l *language) load(ctx context.Context, b *Backend, in runtime.Interpreter) error {
	files, err := image.ForInterpreter(context.WithoutCancel(ctx), in)
	if err != nil {
		return err
	}
	name, src, err := driver.Source(in.Language)
	if err != nil {
		return err
	}
	files.AddFile(driverPath(name), 0o644, src)
	l.key = files.Key()
	dir := b.cfg.Dir
	if dir == "" {
		if dir, err = os.UserCacheDir(); err != nil {
			dir = os.TempDir()
		}
		dir = filepath.Join(dir, "lambdabench", "images")
	}
	if l.image, err = image.Cached(dir, files); err != nil {
		return err
	}
	l.node, err = b.root.grow(l.image, b.arena.FD(), nil, nil)
	return err
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
	for _, l := range b.lockers {
		l.stop()
	}
	errs = append(errs, b.cpu.close())
	if b.arena != nil {
		errs = append(errs, b.arena.Close())
	}
	return errors.Join(errs...)
}
