package experiment

import (
	"context"
	"errors"
	"math"
	"runtime"
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
	Functions []int          `yaml:"functions"` // M, one trial each
	Booting   []int          `yaml:"booting"`   // M of backends without snapshots; as functions where there is none
	Clients   int            `yaml:"clients"`
	Instances int            `yaml:"instances"` // most sandboxes at a time; 0: 64 per core, the paper's 1,024 on 16
	Window    bench.Duration `yaml:"window"`    // of the count; longer where M is not covered and the budget permits
	Snapshots bench.Size     `yaml:"snapshots"` // memory for function snapshots; 0: the worker's default
	Memory    bench.Size     `yaml:"memory"`    // limit of a function
	Via       string         `yaml:"via"`

	batch worker.BatchMode // "": the worker's default
}

func newThroughput() *throughput {
	return &throughput{Functions: []int{64, 256, 1024, 4096}, Clients: 32, Window: bench.Duration(3 * time.Second),
		Memory: 128 << 20, Via: record.ViaWorker}
}

func (x *throughput) Name() string { return record.ExperimentThroughput }

func (x *throughput) Doc() string {
	return "calls a second that closed-loop clients get from M unique functions, stem cells off"
}

const (
	// maxFunctions bounds M: every function has a directory of its own.
	maxFunctions = 1 << 20

	// fillLeast is the time that a trial has for its fill, whatever the budget.
	fillLeast = 500 * time.Millisecond

	// What two processors take for a start: 5 sandboxes of a container runtime a second, and
	// 500 of a backend with snapshots.
	bootTime   = 200 * time.Millisecond
	deployTime = 2 * time.Millisecond
)

func (x *throughput) Check() error {
	for key, all := range map[string][]int{"functions": x.Functions, "booting": x.Booting} {
		for _, m := range all {
			if m < 1 || m > maxFunctions {
				return bench.Bad(key, "%d is not from 1 to %d", m, maxFunctions)
			}
		}
	}
	if x.Window <= 0 {
		return bench.Bad("window", "must be above 0")
	}
	return errors.Join(bench.AtLeast("functions", len(x.Functions), 1), bench.AtLeast("clients", x.Clients, 1),
		bench.AtLeast("instances", x.Instances, 0),
		checkVia(x.Via, record.ViaWorker, record.ViaGateway))
}

func (x *throughput) Trials(t bench.Target) ([]bench.Trial, string) {
	sizes := x.Functions
	if !t.Snapshots && len(x.Booting) > 0 {
		sizes = x.Booting
	}
	var all []bench.Trial
	for _, m := range sizes {
		all = append(all, bench.Trial{Via: x.Via, Labels: map[string]string{record.LabelFunctions: strconv.Itoa(m)},
			Least: time.Duration(x.Window) + x.startsLeast(m, t.Snapshots)})
	}
	return all, ""
}

// startsLeast is about the time of the starts of a trial: of each of m functions in the
// fill, of a further sandbox for each client, as two may call one function at a time, and of
// those calls of the count that find no sandbox. Calls in a random order have
// met every function after m·(ln m + 0.6) calls (the coupon collector's problem), and in a
// repeated order after all of the order.
func (x *throughput) startsLeast(m int, snapshots bool) time.Duration {
	starts := float64(m + x.Clients)
	if n := x.instances(runtime.NumCPU()); m > n {
		calls := min(float64(m)*(math.Log(float64(m))+0.6), float64(orderLength(m)))
		starts += calls * float64(m-n) / float64(m)
	}
	each := bootTime
	if snapshots {
		each = deployTime
	}
	return max(fillLeast, time.Duration(starts)*each)
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
	loop := newFilledLoop(m, x.instances(env.Cores), time.Duration(x.Window), t.Limit, env.Seed)
	window := env.BusyCPUWindow()
	loop.opened, loop.closed = window.Start, window.Stop
	target := workloads.TargetFunc[Reply](func(ctx context.Context, a workloads.Arrival) Reply {
		return caller.Call(ctx, fns.Call(a.Function, []byte("{}")))
	})
	out := func(s workloads.Sample[Reply]) {
		var labels map[string]string
		if !loop.ended(s) {
			labels = map[string]string{record.LabelWarmup: record.Warmup}
		}
		sink.Invocation(row(s, pop.Name(s.Function), labels))
	}
	if err := workloads.Run(ctx, target, out, loop.load(x.Clients)); err != nil {
		return err
	}
	loop.record(sink)
	if err := window.Record(sink, loop.ok, nil); err != nil {
		return err
	}
	sink.Measurement(record.Measurement{Metric: record.MetricPlatformMemory, Unit: record.UnitBytes,
		Value: float64(host.Resident()), Source: "VmRSS"})
	return nil
}

func (x *throughput) instances(cores int) int {
	if x.Instances == 0 {
		return 64 * cores
	}
	return x.Instances
}

func (x *throughput) config(cores int) worker.Config {
	n := x.instances(cores)
	return worker.Config{
		Idle: worker.Cache{Count: n}, Sandboxes: max(n, x.Clients),
		Functions: worker.Cache{Bytes: worker.Bytes(x.Snapshots)},
		PlaceWait: time.Minute, Batch: x.batch,
		// as in the paper; where nearly every call is a new function, a second import of each would double the work
		Capture: worker.CaptureInline,
	}
}
