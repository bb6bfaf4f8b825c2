// Package trial finds out whether a backend works on this host, by working with
// it: an interpreter is booted, and a function that does nothing is imported and
// called. Where the backend takes snapshots, the booted sandbox is captured and the
// function runs in a sandbox that was deployed from the capture.
//
//	err := trial.Trial{}.Run(ctx, backend, interpreter)
//	var failed *trial.Failure // names the step that failed
//
// A trial ends within a bounded time, also on a backend that does not heed its
// context.
package trial

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/lambdabench/lambdabench/runtime/isolation"
)

// Trial is how a backend is tried; the zero value works.
type Trial struct {
	// Patience bounds each step, the first boot included, which also makes the image
	// of its interpreter. 0: Patience.
	Patience time.Duration
}

const (
	// Patience is the default of Trial.Patience: a slow host is waited for rather than
	// called unusable.
	Patience = 5 * time.Minute

	// grace is the time beyond its deadline after which a step is given up.
	grace = 10 * time.Second
)

// Step is a part of a trial.
type Step string

// The steps, in order.
const (
	Boot    Step = "boot"
	Capture Step = "capture"
	Deploy  Step = "deploy"
	Import  Step = "import"
	Call    Step = "call"
	Close   Step = "close"
)

// Failure is a step of a trial that failed.
type Failure struct {
	Backend string
	Runtime string // "nodejs20.x"
	Step    Step
	Err     error // a *isolation.Unavailable where the cause is known
}

func (f *Failure) Error() string {
	return fmt.Sprintf("%s: %s %s: %v", f.Backend, f.Step, f.Runtime, f.Err)
}

func (f *Failure) Unwrap() error { return f.Err }

// ErrStuck says that a step did not end at its deadline.
var ErrStuck = errors.New("it did not end at its deadline")

// Verdict is what a trial came to with one interpreter.
type Verdict struct {
	Interpreter isolation.Interpreter
	Err         error // nil: it works
}

// All tries a backend with each interpreter in turn, after its Probe. If Probe fails,
// All returns its error and tries nothing.
func (t Trial) All(ctx context.Context, b isolation.Backend, all []isolation.Interpreter) ([]Verdict, error) {
	_, err := bounded(ctx, t.bound(), func(ctx context.Context) (none struct{}, err error) {
		return none, b.Probe(ctx)
	})
	if err != nil {
		return nil, err
	}
	var verdicts []Verdict
	for _, in := range all {
		verdicts = append(verdicts, Verdict{in, t.Run(ctx, b, in)})
	}
	return verdicts, nil
}

// Run tries a backend with one interpreter. The error is a *Failure, unless ctx
// ended.
func (t Trial) Run(ctx context.Context, b isolation.Backend, in isolation.Interpreter) error {
	dir, err := functionDir(in.Language)
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	r := &run{Trial: t, ctx: ctx, backend: b, in: in}
	err = r.all(dir)
	err = errors.Join(err, r.close())
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

// run is a trial that is under way.
type run struct {
	Trial
	ctx     context.Context
	backend isolation.Backend
	in      isolation.Interpreter
	opened  []closer // the newest first
}

type closer interface{ Close() error }

func (r *run) all(dir string) error {
	sb, err := do(r, Boot, func(ctx context.Context) (isolation.Sandbox, error) {
		return r.backend.Boot(ctx, isolation.BootSpec{Interpreter: r.in})
	})
	if err != nil {
		return err
	}
	r.keep(sb)
	if snapper, ok := r.backend.(isolation.Snapshotter); ok {
		if sb, err = r.deploy(snapper, sb); err != nil {
			return err
		}
	}
	fn := isolation.Function{
		Name: "trial", Version: "$LATEST", ARN: "arn:aws:lambda:local:000000000000:function:trial",
		Handler: "index.handler", Package: dir,
	}
	if err := r.try(Import, func(ctx context.Context) error { return sb.Import(ctx, fn) }); err != nil {
		return err
	}
	return r.try(Call, func(ctx context.Context) error { return call(ctx, sb) })
}

func (r *run) deploy(snapper isolation.Snapshotter, from isolation.Sandbox) (isolation.Sandbox, error) {
	snap, err := do(r, Capture, func(ctx context.Context) (isolation.Snapshot, error) {
		return snapper.Capture(ctx, from)
	})
	if err != nil {
		return nil, err
	}
	r.keep(snap)
	sb, err := do(r, Deploy, func(ctx context.Context) (isolation.Sandbox, error) {
		return snapper.Deploy(ctx, snap, isolation.DeploySpec{})
	})
	if err != nil {
		return nil, err
	}
	r.keep(sb)
	return sb, nil
}

func (r *run) keep(c closer) { r.opened = slices.Insert(r.opened, 0, c) }

func (r *run) close() (err error) {
	for _, c := range r.opened {
		err = errors.Join(err, r.try(Close, func(context.Context) error { return c.Close() }))
	}
	return err
}

// try does a step that yields nothing.
func (r *run) try(step Step, f func(context.Context) error) error {
	_, err := do(r, step, func(ctx context.Context) (struct{}, error) { return struct{}{}, f(ctx) })
	return err
}

func do[T any](r *run, step Step, f func(context.Context) (T, error)) (T, error) {
	got, err := bounded(r.ctx, r.bound(), f)
	if err != nil {
		return got, &Failure{Backend: r.backend.Name(), Runtime: r.in.Runtime, Step: step, Err: err}
	}
	return got, nil
}

func (t Trial) bound() time.Duration {
	if t.Patience == 0 {
		return Patience
	}
	return t.Patience
}
