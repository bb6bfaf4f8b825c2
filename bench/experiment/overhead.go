package experiment

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/lambdabench/lambdabench/analysis/record"
	"github.com/lambdabench/lambdabench/bench"
	"github.com/lambdabench/lambdabench/platform/worker"
	"github.com/lambdabench/lambdabench/workloads"
)

// overhead compares the same hot NOP in one sandbox that is reached in three ways: by a
// call on the sandbox, at the worker, and at the gateway over HTTP; call by call in turns,
// in an order drawn anew for each round. Then closed-loop clients measure the gateway's
// throughput.
type overhead struct {
	Rounds  int        `yaml:"rounds"`  // calls each way
	Warmup  int        `yaml:"warmup"`  // rounds before that, recorded as such
	Clients int        `yaml:"clients"` // of the closed loop; 0: 4 per core
	Memory  bench.Size `yaml:"memory"`  // limit of a function
	Paces   []string   `yaml:"paces"`   // back to back, 20/s
}

func newOverhead() *overhead {
	return &overhead{Rounds: 2000, Warmup: 200, Memory: 128 << 20, Paces: paces}
}

func (o *overhead) Name() string { return record.ExperimentOverhead }

func (o *overhead) Doc() string {
	return "what worker and gateway add to a hot NOP, and hot calls a second through the gateway"
}

func (o *overhead) Check() error {
	for _, pace := range o.Paces {
		if !slices.Contains(paces, pace) {
			return bench.Bad("paces", "%q is none of %v", pace, paces)
		}
	}
	return errors.Join(bench.AtLeast("paces", len(o.Paces), 1), bench.AtLeast("rounds", o.Rounds, 1),
		bench.AtLeast("warmup", o.Warmup, 0), bench.AtLeast("clients", o.Clients, 0))
}

func (o *overhead) Trials(bench.Target) ([]bench.Trial, string) {
	var all []bench.Trial
	for _, pace := range o.Paces {
		all = append(all, bench.Trial{Via: record.ViaGateway, Path: string(worker.Hot),
			Labels: map[string]string{record.LabelPace: pace}, Least: 2 * time.Second})
	}
	return all, ""
}

func (o *overhead) RunTrial(ctx context.Context, env *bench.Env, t bench.Trial, sink *bench.Sink) (err error) {
	pop, err := env.Population(workloads.NOP, 1)
	if err != nil {
		return err
	}
	fns := Functions{pop, 1, 10 * time.Second, o.Memory}
	one, err := openOneSandbox(ctx, env, fns)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, one.Close()) }()
	tight := t.Labels[record.LabelPace] == record.PaceTight
	if err := o.turns(ctx, env, one, fns, t, sink); err != nil || !tight {
		return err
	}
	return o.saturate(ctx, env, one.gateway, fns, t, sink)
}

func (o *overhead) turns(ctx context.Context, env *bench.Env, one *oneSandbox, fns Functions, t bench.Trial,
	sink *bench.Sink) error {
	ways := one.ways()
	rng := rand.New(rand.NewPCG(env.Seed, uint64(t.Number)))
	callee := fns.Call(0, []byte("{}"))
	start := time.Now()
	for i := -o.Warmup; i < o.Rounds && (i <= 0 || time.Since(start) < t.Limit/2); i++ {
		labels := map[string]string{}
		if i < 0 {
			labels[record.LabelWarmup] = record.Warmup
		}
		for _, k := range rng.Perm(len(ways)) {
			if i >= 0 {
				if err := pause(ctx, t.Labels[record.LabelPace]); err != nil {
					return err
				}
			}
			s := workloads.Sample[Reply]{Arrival: workloads.Arrival{Number: i, Due: time.Since(start)}}
			s.Started, s.Reply = s.Due, ways[k].Call(ctx, callee)
			s.Ended = time.Since(start)
			if err := ctx.Err(); err != nil {
				return err
			}
			r := row(s, fns.Population.Name(0), labels)
			r.Via = ways[k].via
			if i >= 0 && r.Path != t.Path && r.Path != "" { // a call that failed before it had a path took no other
				r.Labels = map[string]string{record.LabelIntended: t.Path}
			}
			sink.Invocation(r)
		}
	}
	return one.shared()
}

// saturate calls the gateway by as many clients as it can use. The rows of these calls are
// labelled as a load of their own.
func (o *overhead) saturate(ctx context.Context, env *bench.Env, w Caller, fns Functions, t bench.Trial,
	sink *bench.Sink) error {
	clients := o.Clients
	if clients == 0 {
		clients = 4 * env.Cores
	}
	length := max(t.Limit/2, time.Second)
	loop := newFilledLoop(1, clients-1, length/2, length, env.Seed) // the gateway has one sandbox already
	loop.settle = o.Rounds
	window := env.BusyCPUWindow()
	loop.opened, loop.closed = window.Start, window.Stop
	callee := fns.Call(0, []byte("{}"))
	target := workloads.TargetFunc[Reply](func(ctx context.Context, _ workloads.Arrival) Reply {
		return w.Call(ctx, callee)
	})
	out := func(s workloads.Sample[Reply]) {
		labels := map[string]string{record.LabelLoad: record.LoadClosed}
		if !loop.ended(s) {
			labels[record.LabelWarmup] = record.Warmup
		}
		sink.Invocation(row(s, fns.Population.Name(0), labels))
	}
	if err := workloads.Run(ctx, target, out, loop.load(clients)); err != nil {
		return err
	}
	if rate := loop.rate(); rate > 0 {
		sink.Measurement(record.Measurement{Metric: record.MetricThroughput, Unit: record.UnitRate,
			Via:   record.ViaGateway,
			Value: rate})
	}
	return window.Record(sink, loop.ok, map[string]string{record.LabelLoad: record.LoadClosed})
}
