package experiment

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/lambdabench/lambdabench/analysis/record"
	"github.com/lambdabench/lambdabench/bench"
	"github.com/lambdabench/lambdabench/bench/host"
	"github.com/lambdabench/lambdabench/platform/worker"
	"github.com/lambdabench/lambdabench/workloads"
)

// throughput is SEUSS's figure 4: closed-loop clients call M unique functions
// in an order that was shuffled once. Stem cells are off. Sandboxes are bounded,
// so that without snapshots there is a cliff where M meets the bound.
type throughput struct {
	Functions []int      `yaml:"functions"` // M, one trial each
	Clients   int        `yaml:"clients"`
	Instances int        `yaml:"instances"` // most sandboxes at a time; 0: 64 per core, the paper's 1,024 on 16
	Snapshots bench.Size `yaml:"snapshots"` // memory for function snapshots; 0: the worker's default
	Memory    bench.Size `yaml:"memory"`    // limit of a function
	Via       string     `yaml:"via"`
}

func newThroughput() *throughput {
	return &throughput{Functions: []int{64, 256, 1024, 4096}, Clients: 32, Memory: 128 << 20, Via: record.ViaWorker}
}

func (x *throughput) Name() string { return record.ExperimentThroughput }

func (x *throughput) Doc() string {
	return "calls a second that closed-loop clients get from M unique functions, stem cells off"
}

// maxFunctions bounds M: every function has a directory of its own.
const maxFunctions = 1 << 20

func (x *throughput) Check() error {
	for _, m := range x.Functions {
		if m < 1 || m > maxFunctions {
			return bench.Bad("functions", "%d is not from 1 to %d", m, maxFunctions)
		}
	}
	return errors.Join(bench.AtLeast("functions", len(x.Functions), 1), bench.AtLeast("clients", x.Clients, 1),
		bench.AtLeast("instances", x.Instances, 0),
		checkVia(x.Via, record.ViaWorker, record.ViaGateway))
}

func (x *throughput) Trials(bench.Target) ([]bench.Trial, string) {
	var all []bench.Trial
	for _, m := range x.Functions {
		all = append(all, bench.Trial{Via: x.Via, Labels: map[string]string{record.LabelFunctions: strconv.Itoa(m)},
			Least: time.Second})
	}
	return all, ""
}

func (x *throughput) RunTrial(ctx context.Context, env *bench.Env, t bench.Trial, sink *bench.Sink) (err error) {
	m, err := strconv.Atoi(t.Labels[record.LabelFunctions])
	if err != nil {
		return err
	}
	pop, err := env.Population(workloads.NOP, m)
	if err != nil {
		return err
	}
	fns := Functions{pop, m, time.Minute, x.Memory}
	caller, err := open(ctx, env, t.Via, x.config(env.Cores), fns)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, caller.Close()) }()
	run := func(pick func(int) int, pacer workloads.Closed, labels map[string]string) (ok int, err error) {
		target := workloads.TargetFunc[Reply](func(ctx context.Context, a workloads.Arrival) Reply {
			return caller.Call(ctx, fns.Call(a.Function, []byte("{}")))
		})
		out := func(s workloads.Sample[Reply]) {
			if s.Reply.OK() && s.Ended <= pacer.For {
				ok++
			}
			sink.Invocation(row(s, pop.Name(s.Function), labels))
		}
		return ok, workloads.Run(ctx, target, out, workloads.Load{Pacer: pacer, Clients: x.Clients, Pick: pick})
	}
	// The first pass calls every function once and fills the worker's caches; the second counts.
	fill := workloads.Closed{Calls: m, For: t.Limit * 2 / 5}
	if _, err := run(workloads.Cycle(workloads.Order(m, m, env.Seed+1)), fill,
		map[string]string{record.LabelWarmup: record.Warmup}); err != nil {
		return err
	}
	count := workloads.Closed{For: max(t.Limit*3/5, 500*time.Millisecond)}
	n, err := run(workloads.Cycle(workloads.Order(m, max(m, 4096), env.Seed)), count, nil)
	if err != nil {
		return err
	}
	sink.Measurement(record.Measurement{Metric: record.MetricThroughput, Unit: record.UnitRate,
		Value: float64(n) / count.For.Seconds()})
	sink.Measurement(record.Measurement{Metric: record.MetricPlatformMemory, Unit: record.UnitBytes,
		Value: float64(host.Resident()), Source: "VmRSS"})
	return nil
}

func (x *throughput) config(cores int) worker.Config {
	n := x.Instances
	if n == 0 {
		n = 64 * cores
	}
	return worker.Config{
		Idle: worker.Cache{Count: n}, Sandboxes: max(n, x.Clients),
		Functions: worker.Cache{Bytes: worker.Bytes(x.Snapshots)},
		PlaceWait: time.Minute,
		// as in the paper; where nearly every call is a new function, a second import of each would double the work
		Capture: worker.CaptureInline,
	}
}
