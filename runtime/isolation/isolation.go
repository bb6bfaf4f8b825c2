// Package isolation is the isolation contract: what a backend must offer so
// that the platform can run functions in it, and nothing about how.
//
// A [Backend] boots a language runtime into a [Sandbox]. A sandbox imports one
// function and is then invoked any number of times, one invocation at a time.
// A backend that can also implements [Snapshotter]: it captures a sandbox as
// an immutable snapshot and deploys any number of sandboxes from it.
//
// Every backend starts the same invocation driver (package driver) and speaks
// the same framed protocol to it over one byte stream, so that backends differ
// in isolation alone.
//
//	sb, err := backend.Boot(ctx, isolation.BootSpec{Interpreter: node, Limits: limits})
//	if err != nil { … }
//	defer sb.Close()
//	if err := sb.Import(ctx, fn); err != nil { … }
//	res, err := sb.Invoke(ctx, isolation.Invocation{ID: id, Payload: []byte(`{}`), Deadline: deadline})
//
// The package is not a scheduler: it keeps no cache, no pool and no queue.
// Those are the platform's.
package isolation

import (
	"context"
	"strings"
	"time"
)

// Backend isolates language runtimes in one particular way. Its methods may be
// called from any number of goroutines.
type Backend interface {
	// Name is the backend's name in configurations and records: "process",
	// "container/runc", "unikernel".
	Name() string

	// Probe reports what keeps this host from running the backend, as far as that
	// shows without an interpreter; package trial finds out the rest. The error is an
	// *Unavailable that says in one sentence what is missing and how to get it, or
	// that of ctx.
	Probe(ctx context.Context) error

	// Boot starts the interpreter with the invocation driver in a new sandbox
	// and returns once the driver waits for code. The sandbox outlives ctx.
	Boot(ctx context.Context, spec BootSpec) (Sandbox, error)

	// Close ends every sandbox that is left and removes what the backend
	// holds on the host.
	Close() error
}

// Anticipator is a Backend that knows which steps of anticipatory optimisation
// (BootSpec.Prepare) serve it best, in a runtime snapshot and in a stem cell. They are
// the platform's default for runtime snapshots.
type Anticipator interface {
	Anticipate() []string
}

// Steps of anticipatory optimisation. Drivers take the first three; a backend that takes
// snapshots may know the fourth.
const (
	StepInterpreter = "interpreter" // import and run training functions
	StepNetwork     = "network"     // one HTTP request through the runtime's own network
	StepGC          = "gc"          // collect garbage
	StepPrefetch    = "prefetch"    // record the working set, and make it resident in spares
)

// Steps lists all steps of anticipatory optimisation that there are.
func Steps() []string { return []string{StepInterpreter, StepNetwork, StepGC, StepPrefetch} }

// Snapshotter is a backend that can capture sandboxes.
type Snapshotter interface {
	// Capture takes the state of a sandbox that waits for work: after Boot it
	// yields a runtime snapshot, after Import a function snapshot. The sandbox
	// stays usable. The snapshot holds only the pages that differ from the
	// snapshot that the sandbox was deployed from.
	Capture(ctx context.Context, sb Sandbox) (Snapshot, error)

	// Deploy starts a new sandbox from a snapshot, under the given limits.
	// Sandboxes of one snapshot share no random numbers and no process id.
	Deploy(ctx context.Context, snap Snapshot, spec DeploySpec) (Sandbox, error)
}

// Snapshot is an immutable picture of a sandbox.
type Snapshot interface {
	// Size is the memory of the snapshot's page diff, in bytes: without the pages of
	// its parents.
	Size() int64

	// Parent is the snapshot below in the stack; nil at the base.
	Parent() Snapshot

	// Close releases the snapshot. Sandboxes deployed from it and snapshots
	// stacked on it stay usable.
	Close() error
}

// Limiter is a backend that cannot enforce every limit on every host. A
// backend that is no Limiter enforces all of them everywhere.
type Limiter interface {
	// CanLimit reports whether this host lets the backend enforce the limits
	// that are set in l. The error is an *Unavailable.
	CanLimit(l Limits) error
}

// Idler is a backend whose sandboxes can be paused, and give up their memory, where
// the host permits that. The errors are an *Unavailable.
type Idler interface {
	CanPause() error   // why its sandboxes are no Pauser
	CanReclaim() error // why its sandboxes are no Reclaimer
}

// Networked is a backend whose sandboxes can be on one of several networks of the host.
type Networked interface {
	// Networks names those that this host permits.
	Networks() []string

	// OnNetwork is another backend of the same kind and configuration, with its sandboxes
	// on the network of that name.
	OnNetwork(name string) (Backend, error)
}

// Confiner is a backend that cannot give each sandbox a file system of its own
// (/tmp, the function's code in /var/task, nothing of other functions) on every
// host. A backend that is no Confiner always does.
type Confiner interface {
	// CanConfine reports whether this host permits such file systems. The error is an
	// *Unavailable.
	CanConfine() error
}

// KernelOwner is a backend that may run functions on a kernel of its own. The
// processes that a function starts there are none of the host's. A backend that is
// no KernelOwner and whose sandboxes are a HostProcess runs functions on the host's.
type KernelOwner interface {
	OwnsKernel() bool
}

// Sandbox is one isolated language runtime. A sandbox serves one call at a
// time; Close and Usage may be called at any moment from any goroutine.
type Sandbox interface {
	// Import loads the function's code and resolves its handler. An error of
	// the function itself (syntax error, missing handler) is a *FunctionError;
	// the sandbox is then of no further use. ErrUndelivered: the sandbox had
	// ended before, and the code was not looked at.
	Import(ctx context.Context, fn Function) error

	// Invoke hands one event to the handler, and returns at the invocation's
	// deadline at the latest. What becomes of the invocation,
	// failures included, is in the Result; the error is non-nil only when the
	// call itself failed (ctx cancelled, sandbox closed, nothing
	// imported), and the sandbox must then be closed. An error that is
	// ErrUndelivered says that the handler has not seen the event: it can be
	// handed to another sandbox.
	Invoke(ctx context.Context, inv Invocation) (Result, error)

	// Usage is what the sandbox consumes now.
	Usage() (Usage, error)

	// Close ends the sandbox and all that runs in it. It returns when nothing
	// of it is left. A second Close does nothing.
	Close() error
}

// Pauser is a sandbox that can be frozen while it is idle, as OpenWhisk does.
type Pauser interface {
	Pause(ctx context.Context) error
	Resume(ctx context.Context) error
}

// Reclaimer is a sandbox whose memory can be taken back while it is paused.
type Reclaimer interface {
	// Reclaim has the kernel drop the sandbox's pages that are on disk, and move all
	// others to the host's swap. A call brings back the pages that it touches.
	Reclaim() error
}

// Yielder is a sandbox that can leave the processors to others.
type Yielder interface {
	// Yield has the sandbox's processes run only while a processor has nothing else
	// to do, or, with false, as others again. A sandbox that yields may make no
	// progress on a host whose processors are taken, and not even end: it is to be
	// closed after Yield(false). An error says that nothing has changed.
	Yield(on bool) error
}

// Ender is a sandbox that notices its own end, also between calls: its function
// exits or breaks its memory limit, or somebody on the host kills it.
type Ender interface {
	// Done is closed when the sandbox has ended, by itself or by Close.
	Done() <-chan struct{}

	// Cause says how the sandbox ended. It is nil before Done is closed, and
	// ErrClosed where Close ended the sandbox.
	Cause() error
}

// Stoppable is a sandbox with processes that somebody on the host can stop (SIGSTOP): a
// stopped sandbox has not ended, and answers no call.
type Stoppable interface {
	// Stopped reports whether a process that every call needs is stopped now. It asks
	// the kernel and waits for nobody. A sandbox that Pause froze is not stopped.
	Stopped() bool
}

// Printer is a sandbox, or its log, that may hold text that is in no result: printed after
// the last invocation, or during an import that no invocation followed. Printed
// returns such text once, with the moments at which the text came. Call it after
// Close for the last of it.
type Printer interface {
	Printed() ([]byte, []LogMark)
}

// HostProcess is a sandbox that is a process of the host.
type HostProcess interface {
	// PID is the process on the host that runs the interpreter.
	PID() int
}

// BootSpec says what to boot.
type BootSpec struct {
	Interpreter Interpreter
	Limits      Limits

	// Environment has further variables that the interpreter starts with, as
	// NAME=value.
	Environment []string

	// Prepare names the steps of anticipatory optimisation that the driver
	// runs before it waits for code, in order (StepInterpreter, …).
	Prepare []string

	// Training names the functions that StepInterpreter and StepPrefetch learn from
	// (driver.TrainingFunctions); nil: driver.DefaultTraining.
	Training []string
}

// DeploySpec says what to deploy a snapshot for.
type DeploySpec struct {
	Limits Limits

	// Account is the account of the function that the sandbox is to import
	// (Function.Account), where that is known. What a backend keeps for one
	// account is found at once then, and not at the import.
	Account string
}

// Limits bound one sandbox. A zero field means: no limit of that kind.
type Limits struct {
	MemoryBytes int64   // memory of all processes together, files in /tmp included
	CPUs        float64 // share of processors, 0.5 is half of one
	Processes   int     // processes and threads
}

// Function is what a sandbox imports.
type Function struct {
	Name    string
	Version string // "$LATEST" or a number
	ARN     string
	Handler string // "index.handler"

	// Package is the directory on the host that holds the unpacked code.
	// Backends whose sandboxes do not see the host's files copy it in.
	Package string

	Environment map[string]string

	// Credentials are further variables, which the platform gives the function.
	Credentials map[string]string

	// LogGroup and LogStream are the names of its log that the function sees.
	LogGroup, LogStream string

	Limits Limits // enforced from Import on, they replace those of BootSpec
}

// Account is the account in the function's ARN, "" where there is none. It is
// the tenant: what sandboxes share below the isolation boundary, functions of
// one account share alone.
func (f Function) Account() string {
	parts := strings.SplitN(f.ARN, ":", 6) // arn:partition:service:region:account:resource
	if len(parts) < 6 {
		return ""
	}
	return parts[4]
}

// Invocation is one event for a handler.
type Invocation struct {
	ID            string // request id, a UUID
	Payload       []byte // JSON
	Deadline      time.Time
	ClientContext []byte // JSON, empty for none
	TraceID       string // of AWS X-Ray, printable ASCII; empty for none
}

// Outcome classifies a finished invocation.
type Outcome string

// The outcomes. After every one but OK and Failed the sandbox takes no further
// invocation and ends. Invoke does not wait for that end, Close does.
const (
	OK          Outcome = "ok"        // the handler returned
	Failed      Outcome = "error"     // the handler threw, or its result was no JSON
	TimedOut    Outcome = "timeout"   // the deadline passed
	OutOfMemory Outcome = "oom"       // the memory limit was met
	Crashed     Outcome = "crash"     // the sandbox ended by itself
	Malformed   Outcome = "malformed" // the sandbox broke the protocol
)

// Alive reports whether the sandbox can take a further invocation.
func (o Outcome) Alive() bool { return o == OK || o == Failed }

// Result is what became of an invocation.
type Result struct {
	Outcome Outcome
	Payload []byte         // JSON; set when Outcome is OK
	Error   *FunctionError // set otherwise
	Logs    []byte         // what the function printed, at most MaxLogBytes and a note
	Marks   []LogMark      // when Logs came
}

// LogMark is the moment at which the text of a log from Offset on was read.
type LogMark struct {
	Offset int
	At     time.Time
}

// Usage is what a sandbox consumes.
type Usage struct {
	MemoryBytes int64
	PeakBytes   int64         // 0 where the source does not know it
	CPU         time.Duration // user and system
	Source      string        // where the memory figure comes from: "cgroup-v1", "cgroup-v2", "pss", "rss", …
}

// Payload and log bounds, in bytes. The payload limits are AWS Lambda's for
// synchronous invocations (Lambda quotas: 6 MB each way). Of a longer log the
// middle is dropped.
const (
	MaxPayloadBytes = 6 << 20
	MaxLogBytes     = 256 << 10
)
