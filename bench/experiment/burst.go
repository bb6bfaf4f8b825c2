package experiment

import (
	"context"
	"errors"
	"math"
	"strconv"
	"time"

	"github.com/lambdabench/lambdabench/analysis/record"
	"github.com/lambdabench/lambdabench/bench"
	"github.com/lambdabench/lambdabench/platform/worker"
	"github.com/lambdabench/lambdabench/workloads"
)

// burst is SEUSS's figures 6 to 8: over a background of functions that wait
// for an HTTP server, bursts of concurrent calls, each of one new CPU-bound
// function. A field that is 0 takes the paper's value, scaled by cores from its 16.
type burst struct {
	Periods []bench.Duration `yaml:"periods"` // between bursts, one trial each
	Bursts  int              `yaml:"bursts"`
	First   bench.Duration   `yaml:"first"` // when the first burst comes
	Size    int              `yaml:"size"`  // calls a burst; 0: 8 per core
	Spin    bench.Duration   `yaml:"spin"`  // processor time of a call

	Threads     int            `yaml:"threads"`      // of the background; 0: 8 per core
	IOFunctions int            `yaml:"io_functions"` // 0: one per core
	Rate        float64        `yaml:"rate"`         // of the background, 1/s; 0: 4.5 per core
	Wait        bench.Duration `yaml:"wait"`         // of a background call

	StemCells int            `yaml:"stem_cells"` // 0: 16 per core
	Instances int            `yaml:"instances"`  // most sandboxes at a time; 0: 64 per core
	Timeout   bench.Duration `yaml:"timeout"`    // of a call
	Memory    bench.Size     `yaml:"memory"`     // limit of a function
	Via       string         `yaml:"via"`
}

func newBurst() *burst {
	return &burst{
		Periods: []bench.Duration{bench.Duration(32 * time.Second), bench.Duration(16 * time.Second),
			bench.Duration(8 * time.Second)}, Bursts: 10,
		First: bench.Duration(30 * time.Second), Spin: bench.Duration(150 * time.Millisecond),
		Wait:    bench.Duration(250 * time.Millisecond),
		Timeout: bench.Duration(time.Minute), Memory: 128 << 20, Via: record.ViaWorker,
	}
}

func (b *burst) Name() string { return record.ExperimentBurst }

func (b *burst) Doc() string {
	return "bursts of calls of new CPU-bound functions over an I/O background, at several periods"
}

// Bounds of a trial: each call of a burst has a goroutine of its own.
const (
	maxBurstTrial = 24 * time.Hour
	maxBurstCalls = 1 << 17
)

func (b *burst) Check() error {
	for _, p := range b.Periods {
		if p <= 0 {
			return bench.Bad("periods", "must be above 0")
		}
		if length := float64(b.First) + float64(b.Bursts)*float64(p); length > float64(maxBurstTrial) {
			return bench.Bad("bursts", "%d of them take longer than %v", b.Bursts, maxBurstTrial)
		}
	}
	if !(b.Rate >= 0) || math.IsInf(b.Rate, 1) {
		return bench.Bad("rate", "is %v, want calls a second, or 0 for the paper's", b.Rate)
	}
	return errors.Join(bench.AtLeast("periods", len(b.Periods), 1), bench.AtLeast("bursts", b.Bursts, 1),
		bench.AtLeast("size", b.Size, 0), bench.Between("size", b.Size*b.Bursts, 0, maxBurstCalls),
		bench.AtLeast("threads", b.Threads, 0), bench.AtLeast("io_functions", b.IOFunctions, 0),
		bench.AtLeast("stem_cells", b.StemCells, 0),
		bench.AtLeast("instances", b.Instances, 0), checkVia(b.Via, record.ViaWorker, record.ViaGateway))
}

func (b *burst) Trials(t bench.Target) ([]bench.Trial, string) {
	if t.Offline != "" {
		return nil, t.Offline
	}
	var all []bench.Trial
	for _, p := range b.Periods {
		all = append(all, bench.Trial{Via: b.Via,
			Labels: map[string]string{record.LabelPeriod: time.Duration(p).String()}, Least: b.length(p)})
	}
	return all, ""
}

// length is how long arrivals go on: a whole period follows the last burst.
func (b *burst) length(period bench.Duration) time.Duration {
	return time.Duration(b.First) + time.Duration(b.Bursts)*time.Duration(period)
}

func (b *burst) RunTrial(ctx context.Context, env *bench.Env, t bench.Trial, sink *bench.Sink) (err error) {
	period, err := time.ParseDuration(t.Labels[record.LabelPeriod])
	if err != nil {
		return err
	}
	x := b.scaled(env.Cores)
	waiters, err := env.Population(workloads.Wait, x.IOFunctions)
	if err != nil {
		return err
	}
	spinners, err := env.Population(workloads.Spin, x.Bursts)
	if err != nil {
		return err
	}
	url, err := env.WaitURL(ctx, time.Duration(x.Wait))
	if err != nil {
		return err
	}
	io := Functions{waiters, x.IOFunctions, time.Duration(x.Timeout), x.Memory}
	cpu := Functions{spinners, x.Bursts, time.Duration(x.Timeout), x.Memory}
	caller, err := open(ctx, env, t.Via, x.config(), io, cpu)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, caller.Close()) }()
	bursts := workloads.Bursts{First: time.Duration(x.First), Every: period, Size: x.Size, Count: x.Bursts}
	wait, spin := workloads.Event{URL: url}.JSON(), workloads.SpinFor(time.Duration(x.Spin)).JSON()
	of := func(a workloads.Arrival) Callee {
		if a.Load == record.LoadBurst {
			return cpu.Call(a.Function, spin)
		}
		return io.Call(a.Function, wait)
	}
	target := workloads.TargetFunc[Reply](func(ctx context.Context, a workloads.Arrival) Reply {
		return caller.Call(ctx, of(a))
	})
	window, err := env.CPUWindow(ctx)
	if err != nil {
		return err
	}
	calls := 0
	out := func(s workloads.Sample[Reply]) {
		calls++
		labels := map[string]string{record.LabelLoad: s.Load}
		if s.Load == record.LoadBurst {
			labels[record.LabelBurst] = strconv.Itoa(bursts.Burst(s.Number))
		}
		sink.Invocation(row(s, of(s.Arrival).Population.Name(s.Function), labels))
	}
	x.describe(sink)
	err = workloads.Run(ctx, target, out,
		workloads.Load{Name: record.LoadBackground, Clients: x.Threads,
			Pick:  func(n int) int { return n % x.IOFunctions },
			Pacer: workloads.Constant{Rate: x.Rate, For: b.length(bench.Duration(period))}},
		workloads.Load{Name: record.LoadBurst, Clients: x.Size * x.Bursts, Pacer: bursts, Pick: bursts.Burst})
	if err != nil {
		return err
	}
	return window.End(ctx, sink, calls, nil)
}

// describe records what the bursts are made of: they show something only where they ask for
// more than the worker holds ready.
func (b *burst) describe(sink *bench.Sink) {
	for metric, n := range map[string]int{record.MetricBursts: b.Bursts, record.MetricBurstSize: b.Size,
		record.MetricStemCells: b.StemCells, record.MetricMostInstances: b.config().Sandboxes} {
		sink.Measurement(record.Measurement{Metric: metric, Unit: record.UnitCount, Value: float64(n)})
	}
}

// scaled fills in what depends on the number of cores.
func (b *burst) scaled(cores int) burst {
	x := *b
	set := func(field *int, perCore int) {
		if *field == 0 {
			*field = perCore * cores
		}
	}
	set(&x.Size, 8)
	set(&x.Threads, 8)
	set(&x.IOFunctions, 1)
	set(&x.StemCells, 16)
	set(&x.Instances, 64)
	if x.Rate == 0 {
		x.Rate = 4.5 * float64(cores)
	}
	return x
}

func (b *burst) config() worker.Config {
	return worker.Config{
		StemCells: b.StemCells, Sandboxes: max(b.Instances, b.StemCells+1), Idle: worker.Cache{Count: b.Instances},
		PlaceWait: time.Duration(b.Timeout),
	}
}
