package bench

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/lambdabench/lambdabench/analysis/record"
	"github.com/lambdabench/lambdabench/bench/host"
	"github.com/lambdabench/lambdabench/runtime/isolation"
)

// Runner runs suites on this host.
type Runner struct {
	// Open returns all backends there are; the suite chooses among them, and Run
	// closes them. Where a backend decides what its functions may reach, allow
	// lists it, as host:port.
	Open func(allow []string) []isolation.Backend

	Only []string // experiments; empty means the suite's

	// Patience bounds each start of a sandbox and each step of a backend's trial. 0:
	// the bounds of the worker and of package trial, which an emulated host exceeds.
	Patience time.Duration

	Progress Progress     // nil for none
	Log      *slog.Logger // nil for none
}

// Run runs the trials of the suite that the folder out does not hold yet. An interrupted
// run returns ctx's error. A failed trial does not keep the others from being run; the
// error is then a *TrialsFailed.
func (r *Runner) Run(ctx context.Context, su *Suite, out string) (err error) {
	if len(r.Only) > 0 {
		if su, err = su.only(r.Only); err != nil {
			return err
		}
	}
	f, err := openFolder(out, su.source)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.close()) }()
	progress := keepProgress(r.Progress, f.dir, r.logger())
	defer func() { progress.finish(err) }()
	env, err := newEnv(Env{Seed: su.Seed, Patience: r.Patience, Log: r.logger()}, su.Network, f.work())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, env.close()) }()
	all := backendList(r.Open(env.allow()))
	defer func() { err = errors.Join(err, all.close()) }()
	targets, err := finder{su, r.Patience, r.logger()}.targets(ctx, all)
	if err != nil {
		return err
	}
	whole := NewPlan(su, targets)
	r.reportLeftOut(whole)
	r.reportShort(whole)
	plan := whole.Trials
	if len(plan) == 0 {
		return fmt.Errorf("%w: %s", ErrNoTrial, strings.Join(su.names(), ", "))
	}
	if err := f.keepPlan(plan); err != nil {
		return err
	}
	if err := f.keepMachine(describe(ctx, targets, all)); err != nil {
		return fmt.Errorf("describe machine: %w", err)
	}
	return r.trials(ctx, su, f, env, all, plan, progress)
}

func (r *Runner) trials(
	ctx context.Context, su *Suite, f *folder, env *Env, all backendList, plan []Trial, p Progress,
) error {
	todo := f.open(plan)
	p.Begin(len(plan), len(plan)-len(todo), sumLimits(todo))
	defer p.End()
	var failed []error
	clock := newClock(time.Duration(su.Budget), todo)
	for _, planned := range todo { // Begin told the sum of their limits
		t := planned
		t.Limit = clock.limit(t)
		p.Trial(planned)
		start := time.Now()
		err := r.trial(ctx, su, env, all.named(t.Target.Backend), f.path(t), t)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			err = fmt.Errorf("trial %d, %v: %w", t.Number, t, err)
			failed = append(failed, err)
		}
		clock.done(t, time.Since(start))
		p.Done(planned, time.Since(start), err)
	}
	if len(failed) > 0 {
		return &TrialsFailed{Errors: failed, Of: len(todo)}
	}
	return nil
}

// grace is the time beyond its limit after which a trial is given up: thousands of
// sandboxes have to be closed.
const grace = 2 * time.Minute

// starts is how many starts of a sandbox may each take all of Runner.Patience within
// a trial's time: those of the runtime snapshot, a stem cell and a function.
const starts = 3

func (r *Runner) trial(ctx context.Context, su *Suite, env *Env, b isolation.Backend, path string, t Trial) error {
	section := su.section(t.Experiment)
	env, err := env.forTrial(t, b)
	if err != nil {
		return err
	}
	defer os.RemoveAll(env.Dir)
	quiet := host.WaitForQuiet(ctx, su.Quiet.Busy, time.Duration(su.Quiet.Wait))
	ctx, cancel := context.WithTimeout(ctx, 3*t.Limit+max(grace, starts*r.Patience))
	defer cancel()
	w, err := record.Create(path)
	if err != nil {
		return err
	}
	w.Trial(record.Trial{Number: t.Number, Block: t.Repeat})
	sink := NewSink(t, w)
	conditions := host.WatchConditions(ctx)
	err = section.RunTrial(ctx, env, t, sink)
	seen := conditions.End()
	if err != nil {
		w.Abort()
		return err
	}
	if sink.Rows == 0 {
		w.Abort()
		return ErrNoRow
	}
	for _, m := range append(seen, quiet) {
		sink.Measurement(m)
	}
	return w.Commit()
}

// reportLeftOut tells of experiments that have no trial on a backend, such as
// anticipatory optimisation where a backend takes no snapshots.
func (r *Runner) reportLeftOut(plan Plan) {
	for _, out := range plan.LeftOut {
		args := []any{"experiment", out.Experiment, "reason", out.Reason}
		if out.Backend != "" {
			args = append(args, "backend", out.Backend)
		}
		r.logger().Warn("experiment left out", args...)
	}
}

// reportShort tells of budgets that the run cannot keep, before it begins.
func (r *Runner) reportShort(plan Plan) {
	for _, s := range plan.Short {
		args := []any{"budget", s.Budget, "trials", s.Trials, "need", s.Need}
		if s.Experiment != "" {
			args = append(args, "experiment", s.Experiment)
		}
		r.logger().Warn("budget is smaller than the least time of its trials; raise it, or ask for fewer trials",
			args...)
	}
}

func (r *Runner) logger() *slog.Logger {
	if r.Log != nil {
		return r.Log
	}
	return slog.New(slog.DiscardHandler)
}

func sumLimits(trials []Trial) time.Duration {
	var sum time.Duration
	for _, t := range trials {
		sum += t.Limit
	}
	return sum
}

// DefaultFolder is where a run goes that was given no folder.
func DefaultFolder(su *Suite, now time.Time) string {
	return filepath.Join("runs", now.Format("2006-01-02-150405")+"-"+su.Name)
}
