package experiment

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/lambdabench/lambdabench/analysis/record"
	"github.com/lambdabench/lambdabench/bench"
	"github.com/lambdabench/lambdabench/platform/worker"
	"github.com/lambdabench/lambdabench/runtime/isolation"
	"github.com/lambdabench/lambdabench/workloads"
)

// overhead compares the same hot NOP on the bare sandbox, at the worker and at
// the gateway over HTTP, call by call in turns, in an order drawn anew for each
// round. Then closed-loop clients measure the gateway's throughput.
type overhead struct {
	Rounds  int        `yaml:"rounds"`  // calls each way
	Warmup  int        `yaml:"warmup"`  // rounds before that, recorded as such
	Clients int        `yaml:"clients"` // of the closed loop; 0: 4 per core
	Memory  bench.Size `yaml:"memory"`  // limit of a function
}

func newOverhead() *overhead { return &overhead{Rounds: 2000, Warmup: 200, Memory: 128 << 20} }

func (o *overhead) Name() string { return record.ExperimentOverhead }

func (o *overhead) Doc() string {
	return "what worker and gateway add to a hot NOP, and hot calls a second through the gateway"
}

func (o *overhead) Check() error {
	return errors.Join(bench.AtLeast("rounds", o.Rounds, 1), bench.AtLeast("warmup", o.Warmup, 0),
		bench.AtLeast("clients", o.Clients, 0))
}

func (o *overhead) Trials(bench.Target) ([]bench.Trial, string) {
	return []bench.Trial{{Via: record.ViaGateway, Path: string(worker.Hot), Least: 2 * time.Second}}, ""
}

func (o *overhead) RunTrial(ctx context.Context, env *bench.Env, t bench.Trial, sink *bench.Sink) (err error) {
	pop, err := env.Population(workloads.NOP, 1)
	if err != nil {
		return err
	}
	fns := Functions{pop, 1, 10 * time.Second, o.Memory}
	ways, err := o.open(ctx, env, fns)
	defer func() {
		for _, w := range ways {
			err = errors.Join(err, w.Close())
		}
	}()
	if err != nil {
		return err
	}
	if err := o.turns(ctx, env, ways, fns, t, sink); err != nil {
		return err
	}
	return o.saturate(ctx, env, ways[len(ways)-1], fns, t, sink)
}

// way is a Caller with its name in records.
type way struct {
	Caller
	via string
}

// open starts the three ways, the gateway last. After an error it returns the ways that
// were started.
func (o *overhead) open(ctx context.Context, env *bench.Env, fns Functions) (ways []way, err error) {
	sb, err := openSandbox(ctx, env, fns.Call(0, nil).Function())
	if err != nil {
		return ways, err
	}
	ways = append(ways, way{sb, record.ViaSandbox})
	for _, via := range []string{record.ViaWorker, record.ViaGateway} {
		c, err := open(ctx, env, via, worker.Config{}, fns)
		if err != nil {
			return ways, err
		}
		ways = append(ways, way{c, via})
	}
	return ways, nil
}

func (o *overhead) turns(ctx context.Context, env *bench.Env, ways []way, fns Functions, t bench.Trial,
	sink *bench.Sink) error {
	rng := rand.New(rand.NewPCG(env.Seed, uint64(t.Number)))
	callee := fns.Call(0, []byte("{}"))
	start := time.Now()
	for i := -o.Warmup; i < o.Rounds && (i <= 0 || time.Since(start) < t.Limit/2); i++ {
		labels := map[string]string{}
		if i < 0 {
			labels[record.LabelWarmup] = record.Warmup
		}
		for _, k := range rng.Perm(len(ways)) {
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
	return nil
}

// saturate calls the gateway by as many clients as it can use. The rows of these calls are
// labelled as a load of their own.
func (o *overhead) saturate(ctx context.Context, env *bench.Env, w way, fns Functions, t bench.Trial,
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
		sink.Measurement(record.Measurement{Metric: record.MetricThroughput, Unit: record.UnitRate, Via: w.via,
			Value: rate})
	}
	return window.Record(sink, loop.ok, map[string]string{record.LabelLoad: record.LoadClosed})
}

// sandboxCaller calls the one function of a bare sandbox.
type sandboxCaller struct{ isolation.Sandbox }

func openSandbox(ctx context.Context, env *bench.Env, fn isolation.Function) (*sandboxCaller, error) {
	sb, err := env.Backend.Boot(ctx, isolation.BootSpec{Interpreter: env.Interpreter, Limits: fn.Limits})
	if err != nil {
		return nil, fmt.Errorf("boot a bare sandbox: %w", err)
	}
	if err := sb.Import(ctx, fn); err != nil {
		return nil, errors.Join(fmt.Errorf("import into a bare sandbox: %w", err), sb.Close())
	}
	return &sandboxCaller{sb}, nil
}

// Call implements Caller.
func (s *sandboxCaller) Call(ctx context.Context, c Callee) Reply {
	start := time.Now()
	r := Reply{Path: string(worker.Hot)}
	r.Outcome, r.Error = invoke(ctx, s, c)
	r.Stages.Run = time.Since(start)
	return r
}
