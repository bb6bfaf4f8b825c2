package experiment

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/lambdabench/lambdabench/analysis/record"
	"github.com/lambdabench/lambdabench/bench"
	"github.com/lambdabench/lambdabench/platform/worker"
	"github.com/lambdabench/lambdabench/workloads"
)

// rate offers new functions in an open loop: every call is of a function that the worker
// has never seen, and its latency counts from the moment at which the call was due. There
// is a trial for each rate and each kind of start, up to and beyond saturation: a pool of
// stem cells answers until the rate exceeds that of the refill, a snapshot goes on.
type rate struct {
	Rates     []float64      `yaml:"rates"`      // of new functions, 1/s, one trial each
	For       bench.Duration `yaml:"for"`        // arrivals of a trial
	Arrivals  string         `yaml:"arrivals"`   // poisson, constant
	Starts    []string       `yaml:"starts"`     // boot, stem, stem+ao, snapshot; those that the backend has
	StemCells int            `yaml:"stem_cells"` // in the pool; 0: 8 per core
	Instances int            `yaml:"instances"`  // most sandboxes at a time; 0: 64 per core
	AO        []string       `yaml:"ao"`         // steps of anticipatory optimisation; the backend's choice by default
	Memory    bench.Size     `yaml:"memory"`     // limit of a function
}

const (
	arrivalsPoisson  = "poisson"
	arrivalsConstant = "constant"

	maxRateCalls = 1 << 17
)

func newRate() *rate {
	return &rate{Rates: []float64{1, 4, 16, 64, 256, 1024}, For: bench.Duration(5 * time.Second),
		Arrivals: arrivalsPoisson, Starts: append([]string{record.StartBoot}, coldStarts(true)...), Memory: 128 << 20}
}

func (x *rate) Name() string { return record.ExperimentRate }

func (x *rate) Doc() string {
	return "latency of new functions against their rate (open loop), for each kind of cold start"
}

func (x *rate) Check() error {
	for _, r := range x.Rates {
		if !(r > 0) || r*time.Duration(x.For).Seconds() > maxRateCalls {
			return bench.Bad("rates", "%v is not above 0, or more than %d calls in %v", r, maxRateCalls,
				time.Duration(x.For))
		}
	}
	for _, s := range x.Starts {
		if known := newRate().Starts; !slices.Contains(known, s) {
			return bench.Bad("starts", "%q is none of %v", s, known)
		}
	}
	if x.Arrivals != arrivalsPoisson && x.Arrivals != arrivalsConstant {
		return bench.Bad("arrivals", "is %q, want %s or %s", x.Arrivals, arrivalsPoisson, arrivalsConstant)
	}
	if x.For <= 0 {
		return bench.Bad("for", "must be above 0")
	}
	return errors.Join(checkSteps("ao", x.AO), bench.AtLeast("rates", len(x.Rates), 1),
		bench.AtLeast("starts", len(x.Starts), 1), bench.AtLeast("stem_cells", x.StemCells, 0),
		bench.AtLeast("instances", x.Instances, 0))
}

func (x *rate) Trials(t bench.Target) ([]bench.Trial, string) {
	var all []bench.Trial
	for _, start := range append([]string{record.StartBoot}, coldStarts(t.Snapshots)...) {
		if !slices.Contains(x.Starts, start) {
			continue
		}
		for _, r := range x.Rates {
			all = append(all, bench.Trial{Via: record.ViaWorker, Least: time.Duration(x.For),
				Labels: map[string]string{record.LabelStart: start,
					record.LabelRate: strconv.FormatFloat(r, 'g', -1, 64)}})
		}
	}
	return all, ""
}

func (x *rate) RunTrial(ctx context.Context, env *bench.Env, t bench.Trial, sink *bench.Sink) (err error) {
	offered, err := strconv.ParseFloat(t.Labels[record.LabelRate], 64)
	if err != nil {
		return err
	}
	due := x.schedule(offered, env.Seed)
	pop, err := env.Population(workloads.NOP, len(due))
	if err != nil {
		return err
	}
	fns := Functions{pop, len(due), time.Minute, x.Memory}
	w, err := openWorker(ctx, env, x.config(env, t.Labels[record.LabelStart]))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.Close()) }()
	if err := stemsReady(ctx, w, t.Labels[record.LabelStart], max(time.Minute, env.Patience)); err != nil {
		return err
	}
	window, err := env.CPUWindow(ctx)
	if err != nil {
		return err
	}
	target := workloads.TargetFunc[Reply](func(ctx context.Context, a workloads.Arrival) Reply {
		return w.Call(ctx, fns.Call(a.Function, []byte("{}")))
	})
	var made, ok int
	last := time.Duration(x.For)
	out := func(s workloads.Sample[Reply]) {
		made++
		if last = max(last, s.Ended); s.Reply.OK() {
			ok++
		}
		sink.Invocation(row(s, pop.Name(s.Function), nil))
	}
	load := workloads.Load{Pacer: givenUp{due, 2 * time.Duration(x.For)},
		Clients: min(len(due), clientsPerCore*env.Cores),
		Pick:    func(n int) int { return n }}
	if err := workloads.Run(ctx, target, out, load); err != nil {
		return err
	}
	put := func(metric, unit string, v float64) {
		sink.Measurement(record.Measurement{Metric: metric, Unit: unit, Value: v})
	}
	put(record.MetricOffered, record.UnitRate, float64(len(due))/time.Duration(x.For).Seconds())
	put(record.MetricThroughput, record.UnitRate, float64(ok)/last.Seconds())
	put(record.MetricUnsent, record.UnitCount, float64(len(due)-made))
	return window.End(ctx, sink, made, nil)
}

// clientsPerCore bounds the calls under way. Further calls wait at the generator, and the
// wait is part of their latency.
const clientsPerCore = 64

// schedule is the moments at which calls are due, the same for all backends and starts.
func (x *rate) schedule(offered float64, seed uint64) workloads.Schedule {
	length := time.Duration(x.For)
	if x.Arrivals == arrivalsPoisson {
		if s := workloads.Poisson(offered, length, seed); len(s) > 0 {
			return s
		}
	}
	s := make(workloads.Schedule, max(1, int(offered*length.Seconds())))
	for i := range s {
		s[i] = time.Duration(float64(i+1) / offered * float64(time.Second))
	}
	return s
}

// config keeps nothing of a function: every sandbox ends with its call.
func (x *rate) config(env *bench.Env, start string) worker.Config {
	cfg := startConfig(env.Backend, start, x.AO)
	n := x.Instances
	if n == 0 {
		n = 64 * env.Cores
	}
	if cfg.StemCells > 0 {
		if cfg.StemCells = x.StemCells; cfg.StemCells == 0 {
			cfg.StemCells = 8 * env.Cores
		}
	}
	cfg.Sandboxes = max(n, cfg.StemCells+1)
	cfg.Idle, cfg.Functions = worker.Cache{Off: true}, worker.Cache{Off: true}
	cfg.PlaceWait = time.Minute
	return cfg
}

// stemsReady waits for a full pool of stem cells, each of which may take as long as patience.
func stemsReady(ctx context.Context, w *workerCaller, start string, patience time.Duration) error {
	if start != record.StartStem && start != record.StartStemAO {
		return nil
	}
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for have, since := 0, time.Now(); ; {
		s := w.Stats()
		if s.StemCells > have {
			have, since = s.StemCells, time.Now()
		}
		if have > 0 && s.Starting == 0 && s.Waiting == 0 {
			return nil
		}
		if time.Since(since) > patience {
			return fmt.Errorf("no stem cell was ready within %v", patience)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}

// givenUp is a schedule whose calls are no longer made after a time: where the rate cannot
// be kept, the backlog would take many times as long as the arrivals.
type givenUp struct {
	workloads.Schedule
	after time.Duration
}

// Due implements workloads.Pacer.
func (g givenUp) Due(elapsed time.Duration, count int) (time.Duration, bool) {
	if elapsed > g.after {
		return 0, false
	}
	return g.Schedule.Due(elapsed, count)
}
