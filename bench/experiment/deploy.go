package experiment

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/lambdabench/lambdabench/analysis/record"
	"github.com/lambdabench/lambdabench/bench"
	"github.com/lambdabench/lambdabench/platform/worker"
	"github.com/lambdabench/lambdabench/runtime/isolation"
	"github.com/lambdabench/lambdabench/workloads"
)

// deploy measures the latency of each path, one call at a time: SEUSS, table 1. The things
// that the worker keeps decide which path a call takes.
type deploy struct {
	Paths  []string `yaml:"paths"`
	Calls  int      `yaml:"calls"`  // of each path in a trial, at most
	Warmup int      `yaml:"warmup"` // calls before that, recorded as such
	// HotWarmup is the same for the hot path. A language runtime compiles what
	// is called often: until some thousand calls hot ones become faster.
	HotWarmup int        `yaml:"hot_warmup"`
	Memory    bench.Size `yaml:"memory"` // limit of a function
	AO        []string   `yaml:"ao"`     // steps of anticipatory optimisation; the backend's choice by default
	Starts    []string   `yaml:"starts"` // of cold calls: stem, stem+ao, snapshot; snapshot where there are any
	Paces     []string   `yaml:"paces"`  // of hot calls: back to back, 20/s
	// Training names the functions that the steps learn from (driver.TrainingFunctions);
	// driver.DefaultTraining by default.
	Training []string `yaml:"training"`
}

func newDeploy() *deploy {
	return &deploy{
		Paths:  []string{string(worker.Hot), string(worker.Warm), string(worker.Cold), string(worker.Boot)},
		Calls:  475, // as in SEUSS, table 1
		Warmup: 3, HotWarmup: 2000, Memory: 128 << 20,
		Starts: coldStarts(true), Paces: paces,
	}
}

func (d *deploy) Name() string { return record.ExperimentDeploy }

func (d *deploy) Doc() string {
	return "latency of a NOP by each path (hot, warm, cold, boot), with its stages"
}

func (d *deploy) Check() error {
	all := newDeploy().Paths
	for _, f := range []struct {
		key         string
		values, all []string
	}{{"paths", d.Paths, all}, {"starts", d.Starts, coldStarts(true)}, {"paces", d.Paces, paces}} {
		for _, v := range f.values {
			if !slices.Contains(f.all, v) {
				return bench.Bad(f.key, "%q is none of %v", v, f.all)
			}
		}
	}
	return errors.Join(checkSteps("ao", d.AO), checkTraining("training", d.Training),
		bench.AtLeast("starts", len(d.Starts), 1), bench.AtLeast("paces", len(d.Paces), 1),
		bench.AtLeast("paths", len(d.Paths), 1), bench.AtLeast("calls", d.Calls, 1),
		bench.AtLeast("warmup", d.Warmup, 0), bench.AtLeast("hot_warmup", d.HotWarmup, 0))
}

func (d *deploy) Trials(t bench.Target) ([]bench.Trial, string) {
	var all []bench.Trial
	add := func(path, label string, values ...string) {
		for _, v := range values {
			all = append(all, bench.Trial{Via: record.ViaWorker, Path: path, Labels: map[string]string{label: v},
				Least: 500 * time.Millisecond})
		}
	}
	for _, p := range d.Paths {
		switch p {
		case string(worker.Hot):
			add(p, record.LabelPace, d.Paces...)
		case string(worker.Warm):
			if t.Snapshots { // without snapshots of functions there is no such path
				all = append(all, bench.Trial{Via: record.ViaWorker, Path: p, Least: 500 * time.Millisecond})
			}
		case string(worker.Cold):
			for _, start := range coldStarts(t.Snapshots) {
				if slices.Contains(d.Starts, start) {
					add(p, record.LabelStart, start)
				}
			}
		case string(worker.Boot):
			add(p, record.LabelStart, record.StartBoot)
		}
	}
	return all, ""
}

func (d *deploy) RunTrial(ctx context.Context, env *bench.Env, t bench.Trial, sink *bench.Sink) error {
	n := d.functions(t.Path)
	pop, err := env.Population(workloads.NOP, n)
	if err != nil {
		return err
	}
	return d.measure(ctx, env, t, Functions{pop, n, 10 * time.Second, d.Memory}, []byte("{}"), sink)
}

// measure calls functions with an event, by the trial's path, and then measures what stem
// cells cost where the calls started from some.
func (d *deploy) measure(ctx context.Context, env *bench.Env, t bench.Trial, fns Functions, event []byte,
	sink *bench.Sink) error {
	cfg := d.config(env.Backend, t)
	if err := d.calls(ctx, env, cfg, t, fns, event, sink); err != nil {
		return err
	}
	if cfg.StemCells > 0 {
		return refill(ctx, env, cfg, t.Limit/4, sink)
	}
	return nil
}

func (d *deploy) calls(ctx context.Context, env *bench.Env, cfg worker.Config, t bench.Trial, fns Functions,
	event []byte, sink *bench.Sink) (err error) {
	w, err := openWorker(ctx, env, cfg)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.Close()) }()
	var window *bench.CPUWindow
	counted := 0
	start := time.Now()
	warmup := d.warmup(t.Path)
	for i := -warmup; i < d.Calls && goesOn(i, time.Since(start), t.Limit); i++ {
		if i < 0 && i > -warmup && time.Since(start) > t.Limit/3 {
			i = 0 // a slow path warms up less
		}
		c := fns.Call((i+warmup)%fns.Count, event)
		if err := d.ready(ctx, w, t, max(readyPatience, env.Patience)); err != nil {
			return err
		}
		if i == 0 {
			if window, err = env.CPUWindow(ctx); err != nil {
				return err
			}
		}
		if i >= 0 {
			counted++
			if err := pause(ctx, t.Labels[record.LabelPace]); err != nil {
				return err
			}
		}
		a := workloads.Arrival{Number: i, Function: c.Number, Due: time.Since(start)}
		s := workloads.Sample[Reply]{Arrival: a, Started: a.Due, Reply: w.Call(ctx, c)}
		s.Ended = time.Since(start)
		if err := ctx.Err(); err != nil {
			return err
		}
		sink.Invocation(row(s, fns.Population.Name(c.Number), d.labels(i, t, s.Reply)))
	}
	if err := window.End(ctx, sink, counted, nil); err != nil {
		return err
	}
	st := w.Stats()
	if st.FunctionSnapshots > 0 {
		sink.Measurement(record.Measurement{Metric: record.MetricFunctionSnapshot, Unit: record.UnitBytes,
			Value: float64(st.SnapshotBytes) / float64(st.FunctionSnapshots)})
	}
	if st.FunctionSnapshots > 0 || st.RuntimeSnapshots > 0 && t.Labels[record.LabelStart] != "" {
		sink.Measurement(record.Measurement{Metric: record.MetricRuntimeSnapshot, Unit: record.UnitBytes,
			Value: float64(st.RuntimeBytes) / float64(max(1, st.RuntimeSnapshots))})
	}
	return nil
}

// A trial has at least leastCalls calls, unless these take longer than slowTrial: between two
// calls that start from stem cells lies a boot with its preparation, and few such fit into
// a trial's limit.
const (
	leastCalls = 10
	slowTrial  = 30 * time.Second
)

// goesOn reports whether a trial that has taken so long makes its call number i, below 0 a
// call of the warm-up.
func goesOn(i int, took, limit time.Duration) bool {
	return i <= 0 || took < limit || i < leastCalls && took < slowTrial
}

func (d *deploy) warmup(path string) int {
	if path == string(worker.Hot) {
		return max(d.Warmup, d.HotWarmup)
	}
	return d.Warmup
}

// functions is the number of functions that a path needs. A path that imports needs a new
// function for each call; after 256 calls the worker has long dropped the first one.
func (d *deploy) functions(path string) int {
	if path == string(worker.Hot) || path == string(worker.Warm) {
		return 1
	}
	return min(d.Calls+d.warmup(path), 256)
}

// config lets the worker keep the things that the path starts from, and no others.
func (d *deploy) config(backend isolation.Backend, t bench.Trial) worker.Config {
	cfg := startConfig(backend, startOf(t), d.AO)
	cfg.Training = d.Training
	cfg.Idle = worker.Cache{Off: t.Path != string(worker.Hot)}
	cfg.Functions = worker.Cache{Off: t.Path != string(worker.Warm)}
	return cfg
}

// startOf is the start of a trial's sandboxes. It shows in no hot and in no warm call.
func startOf(t bench.Trial) string {
	switch start := t.Labels[record.LabelStart]; {
	case start != "":
		return start
	case t.Target.Snapshots:
		return record.StartSnapshot
	}
	return record.StartBoot
}

// readyPatience is the time within which what a path starts from is there, where the run
// has no longer patience.
const readyPatience = 30 * time.Second

// ready waits for the thing that the path starts from: a stem cell for the next call, or
// the function's snapshot.
func (d *deploy) ready(ctx context.Context, w *workerCaller, t bench.Trial, patience time.Duration) error {
	want := func(s worker.Stats) bool { return true }
	switch {
	case t.Path == string(worker.Cold) && startOf(t) != record.StartSnapshot:
		want = func(s worker.Stats) bool { return s.StemCells > 0 && s.Closing == 0 }
	case t.Path == string(worker.Warm):
		want = func(s worker.Stats) bool { return len(s.Invocations) == 0 || s.FunctionSnapshots > 0 }
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for !want(w.Stats()) {
		select {
		case <-ctx.Done():
			return fmt.Errorf("path %s: what it starts from is not there after %v: %w", t.Path, patience, ctx.Err())
		case <-time.After(time.Millisecond):
		}
	}
	return nil
}

func (d *deploy) labels(i int, t bench.Trial, r Reply) map[string]string {
	l := map[string]string{}
	if i < 0 {
		l[record.LabelWarmup] = record.Warmup
	} else if r.Path != t.Path && r.Path != "" {
		l[record.LabelIntended] = t.Path
	}
	return l
}
