package worker

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
	"gopkg.in/yaml.v3"

	"github.com/lambdabench/lambdabench/runtime/cgroup"
	"github.com/lambdabench/lambdabench/runtime/driver"
	"github.com/lambdabench/lambdabench/runtime/isolation"
)

// Config says what a worker keeps and how much of it. The zero value works:
// every field that is left out takes its default. What a worker keeps decides
// which paths its invocations take:
//
//	hot    while Idle is on
//	warm   while Functions is on and the backend can take snapshots
//	cold   while Runtimes is on and the backend can take snapshots, or StemCells is above 0
//	boot   whatever else there is
//
// So an experiment that wants nothing but warm invocations turns Idle off, and
// one that wants nothing but boots turns all four off.
//
// In what follows, free memory is what the host has available and the memory cgroups
// above the platform leave.
type Config struct {
	// Idle bounds the sandboxes that stay after an invocation for the next one
	// of the same function. Default: as many as Sandboxes, half of the
	// free memory.
	Idle Cache `yaml:"idle"`

	// KeepAlive is how long an idle sandbox may wait. Default: 10 minutes.
	KeepAlive time.Duration `yaml:"keep_alive"`

	// PauseAfter is how long an idle sandbox waits before it is paused, where
	// the backend can. 0 never pauses.
	PauseAfter time.Duration `yaml:"pause_after"`

	// Functions bounds the function snapshots. Default: 65,536, a quarter of the
	// free memory.
	Functions Cache `yaml:"function_snapshots"`

	// Capture is when a function snapshot is taken. Default: after.
	Capture CaptureMode `yaml:"capture"`

	// Runtimes is whether a snapshot of each booted runtime is kept, and how
	// it is prepared.
	Runtimes RuntimeSnapshots `yaml:"runtime_snapshots"`

	// StemCells is how many booted sandboxes without a function are held
	// ready for each runtime. 0 turns them off.
	StemCells int `yaml:"stem_cells"`

	// StemPrepare names the steps of anticipatory optimisation that run in a stem
	// cell that boots, in order (isolation.StepInterpreter, …). They make its first call
	// faster, its start longer and its memory larger: docs/measuring.md has the
	// figures. A stem cell that is deployed from a runtime snapshot has the steps of
	// the snapshot. Default: none; isolation.Anticipator knows a backend's best.
	StemPrepare []string `yaml:"stem_prepare"`

	// Training names the functions that the steps interpreter and prefetch learn from
	// (driver.TrainingFunctions), in runtime snapshots and in stem cells. Default:
	// driver.DefaultTraining.
	Training []string `yaml:"training"`

	// Starters is how many stem cells are started at a time. Default: half of
	// the processors, at least 1.
	Starters int `yaml:"starters"`

	// Sandboxes is the most sandboxes that start, serve, are idle or are stem
	// cells at a time. Beyond it the one that was idle longest is closed first.
	// Not counted are one for each runtime while its snapshot is taken, one
	// while a function snapshot is taken in the background, and those that are
	// being closed. Default: as many as the free memory bears of the
	// backend's footprint (isolation.Bears) and as the host bears of the backend at
	// all (isolation.Bounded). A backend that does not tell its footprint is
	// reckoned with 48 MiB for each, at most 4096.
	Sandboxes int `yaml:"sandboxes"`

	// Closing is the most sandboxes that are being closed while others
	// already took their places; more, and invocations that need a new sandbox
	// wait. Default: a quarter of Sandboxes, at most 16.
	Closing int `yaml:"closing"`

	// PlaceWait bounds the wait for a place when all sandboxes are busy.
	// Default: 60 seconds.
	PlaceWait time.Duration `yaml:"place_wait"`

	// Memory is the limit of a function that states none. Default: 128 MiB.
	Memory Bytes `yaml:"memory"`

	// MemoryPerCPU has a function use processors in proportion to its memory:
	// one for each so much of it, and at most that, whoever else is idle. AWS
	// Lambda's is 1769 MiB. The limit holds from the boot of a sandbox for the
	// function on, not in stem cells and runtime snapshots. New refuses a
	// backend that cannot limit CPU on this host. 0 limits nothing.
	MemoryPerCPU Bytes `yaml:"memory_per_cpu"`

	// Timeout is for a function that states none. Default: 3 seconds.
	Timeout time.Duration `yaml:"timeout"`

	// ImportTimeout bounds loading the code. Default: 10 seconds, as on AWS.
	ImportTimeout time.Duration `yaml:"import_timeout"`

	// BootTimeout bounds what the backend takes to start a sandbox: a boot with
	// its preparation and capture, a deployment, a resumption. Default: 60
	// seconds.
	BootTimeout time.Duration `yaml:"boot_timeout"`

	// Batch is when the threads of the worker's process are SCHED_BATCH
	// (oversubscription.go). Default: auto.
	Batch BatchMode `yaml:"sched_batch"`

	// Environment has variables for all sandboxes, as NAME=value.
	Environment []string `yaml:"-"`

	// Printed is told what sandboxes printed after their last invocation, or
	// while they loaded code and were never invoked. Default: nobody.
	Printed func(Printed) `yaml:"-"`

	// Log is where the worker reports what it does in the background. Default:
	// nowhere.
	Log *slog.Logger `yaml:"-"`
}

// Cache bounds what is kept, by number and by memory. The least recently used
// goes first.
type Cache struct {
	Off   bool  `yaml:"off"`
	Count int   `yaml:"count"` // 0: the default
	Bytes Bytes `yaml:"bytes"` // 0: the default
}

// RuntimeSnapshots is how snapshots of booted runtimes are made. They are few,
// so nothing bounds them.
type RuntimeSnapshots struct {
	Off bool `yaml:"off"`

	// Prepare names the steps of anticipatory optimisation, in order
	// (isolation.StepInterpreter, …). Default: those that the backend asks for
	// (isolation.Anticipator); an empty list is none.
	Prepare []string `yaml:"prepare"`

	// AtFirstUse leaves the boot to the first invocation. Otherwise New starts
	// it in the background.
	AtFirstUse bool `yaml:"at_first_use"`
}

// CaptureMode is when a function's snapshot is taken.
type CaptureMode string

// The capture modes.
const (
	// CaptureAfter takes it after the reply, in the background, from a fresh
	// sandbox that only imported the code: the snapshot holds nothing of an
	// invocation, and no reply waits for it. It waits for a moment without
	// invocations, for at most ten times as long as the import takes.
	CaptureAfter CaptureMode = "after"

	// CaptureInline takes it between import and run, as SEUSS does. The first
	// reply waits for it (Stages.Capture).
	CaptureInline CaptureMode = "inline"

	// CaptureOff takes none; those that are there already are still used.
	CaptureOff CaptureMode = "off"
)

// BatchMode is when the platform's threads are SCHED_BATCH.
type BatchMode string

// The batch modes.
const (
	BatchAuto BatchMode = "auto" // while the processors are oversubscribed
	BatchOff  BatchMode = "off"  // never: the kernel's default for all threads at all times
)

// Bytes is an amount of memory; in YAML a number, or a number with a unit
// ("512MiB", "2 GB").
type Bytes int64

// UnmarshalYAML reads a number with or without a unit.
func (b *Bytes) UnmarshalYAML(node *yaml.Node) error {
	n, err := humanize.ParseBytes(node.Value)
	if err != nil || n > 1<<62 {
		return fmt.Errorf("line %d: %q is not an amount of memory; write it as 512MiB or 2GB", node.Line, node.Value)
	}
	*b = Bytes(n)
	return nil
}

// String writes the amount with a binary unit.
func (b Bytes) String() string { return humanize.IBytes(uint64(max(b, 0))) }

// Validate reports every field that cannot be meant.
func (c Config) Validate() error {
	var errs []error
	negative := func(name string, n int64) {
		if n < 0 {
			errs = append(errs, fmt.Errorf("%s is %d: it cannot be negative", name, n))
		}
	}
	negative("idle.count", int64(c.Idle.Count))
	negative("idle.bytes", int64(c.Idle.Bytes))
	negative("function_snapshots.count", int64(c.Functions.Count))
	negative("function_snapshots.bytes", int64(c.Functions.Bytes))
	negative("stem_cells", int64(c.StemCells))
	negative("starters", int64(c.Starters))
	for _, name := range append(slices.Clone(c.Runtimes.Prepare), c.StemPrepare...) {
		if all := isolation.Steps(); !slices.Contains(all, name) {
			errs = append(errs, fmt.Errorf("%q is no step of anticipatory optimisation: prepare and stem_prepare "+
				"take %s", name, strings.Join(all, ", ")))
		}
	}
	if err := driver.CheckTraining(c.Training); err != nil {
		errs = append(errs, fmt.Errorf("training: %w", err))
	}
	negative("sandboxes", int64(c.Sandboxes))
	negative("closing", int64(c.Closing))
	negative("memory", int64(c.Memory))
	negative("memory_per_cpu", int64(c.MemoryPerCPU))
	negative("keep_alive", int64(c.KeepAlive))
	negative("pause_after", int64(c.PauseAfter))
	negative("place_wait", int64(c.PlaceWait))
	negative("timeout", int64(c.Timeout))
	negative("import_timeout", int64(c.ImportTimeout))
	negative("boot_timeout", int64(c.BootTimeout))
	switch c.Capture {
	case "", CaptureAfter, CaptureInline, CaptureOff:
	default:
		errs = append(errs, fmt.Errorf("capture is %q: it is after, inline or off", c.Capture))
	}
	switch c.Batch {
	case "", BatchAuto, BatchOff:
	default:
		errs = append(errs, fmt.Errorf("sched_batch is %q: it is auto or off", c.Batch))
	}
	if c.Sandboxes > 0 && c.StemCells > c.Sandboxes {
		errs = append(errs, fmt.Errorf("stem_cells is %d: it cannot be more than sandboxes, %d", c.StemCells,
			c.Sandboxes))
	}
	return errors.Join(errs...)
}

// Resolved is c with every default filled in for a backend on this host.
func (c Config) Resolved(backend isolation.Backend) Config {
	free := int64(1 << 30)
	if m, err := cgroup.ReadMemory(context.Background()); err == nil {
		free = m.Available
	}
	if a, ok := backend.(isolation.Anticipator); ok && c.Runtimes.Prepare == nil {
		c.Runtimes.Prepare = a.Anticipate()
	}
	c.Sandboxes = cmp.Or(c.Sandboxes, max(bears(backend, free), c.StemCells+1))
	c.Idle.Count = cmp.Or(c.Idle.Count, c.Sandboxes)
	c.Idle.Bytes = cmp.Or(c.Idle.Bytes, Bytes(free/2))
	c.KeepAlive = cmp.Or(c.KeepAlive, 10*time.Minute)
	c.Functions.Count = cmp.Or(c.Functions.Count, 65536)
	c.Functions.Bytes = cmp.Or(c.Functions.Bytes, Bytes(free/4))
	c.Capture = cmp.Or(c.Capture, CaptureAfter)
	c.Batch = cmp.Or(c.Batch, BatchAuto)
	c.Starters = cmp.Or(c.Starters, max(1, runtime.NumCPU()/2))
	c.Closing = cmp.Or(c.Closing, max(1, min(16, c.Sandboxes/4)))
	c.PlaceWait = cmp.Or(c.PlaceWait, time.Minute)
	c.Memory = cmp.Or(c.Memory, 128<<20)
	c.Timeout = cmp.Or(c.Timeout, 3*time.Second)
	c.ImportTimeout = cmp.Or(c.ImportTimeout, 10*time.Second)
	c.BootTimeout = cmp.Or(c.BootTimeout, time.Minute)
	c.Log = cmp.Or(c.Log, slog.New(slog.DiscardHandler))
	return c
}

// bears is how many sandboxes of a backend the host bears with that much free
// memory: at least eight, unless it has a bound that is lower.
func bears(backend isolation.Backend, free int64) int {
	n := int(min(free/(48<<20), 4096))
	if f, ok := backend.(isolation.Footprinter); ok {
		n = isolation.Bears(free, f.Footprint())
	}
	n = max(n, 8)
	if b, ok := backend.(isolation.Bounded); ok {
		for _, bound := range b.Bounds() {
			n = min(n, bound.Sandboxes)
		}
	}
	return max(n, 1)
}
