package experiment

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"time"

	"github.com/lambdabench/lambdabench/analysis/record"
	"github.com/lambdabench/lambdabench/bench"
	"github.com/lambdabench/lambdabench/workloads"
	"github.com/lambdabench/lambdabench/workloads/traffic"
)

// trace runs a file in the format of the SEUSS authors' load generator, see
// [traffic.ReadTrial]: closed-loop clients call its functions in its order.
// Each function of each user in the file is a function of its own, and does the work that
// the file says ([traffic.Work]).
type trace struct {
	File      string     `yaml:"file"`
	Clients   int        `yaml:"clients"`
	Instances int        `yaml:"instances"` // sandboxes that may live; 0: 64 a core
	Memory    bench.Size `yaml:"memory"`    // limit of a function
	Via       string     `yaml:"via"`
}

func newTrace() *trace { return &trace{Clients: 8, Memory: 128 << 20, Via: record.ViaGateway} }

func (x *trace) Name() string { return record.ExperimentTrace }

func (x *trace) Doc() string {
	return "latency and throughput of the calls in a file of lines batch,user,function[,param],count"
}

func (x *trace) Check() error {
	if _, err := x.read(); err != nil {
		return bench.Bad("file", "%v", err)
	}
	return errors.Join(bench.AtLeast("clients", x.Clients, 1), bench.AtLeast("instances", x.Instances, 0),
		checkVia(x.Via, record.ViaWorker, record.ViaGateway))
}

func (x *trace) read() (t traffic.Trial, err error) {
	if x.File == "" {
		return t, errors.New("missing; name a file of lines batch,user,function[,param],count")
	}
	f, err := os.Open(x.File)
	if err != nil {
		return t, err
	}
	defer f.Close()
	if t, err = traffic.ReadTrial(x.File, f); err == nil && t.Calls() == 0 {
		err = fmt.Errorf("%s has no call", x.File)
	}
	return t, err
}

func (x *trace) Trials(t bench.Target) ([]bench.Trial, string) {
	if t.Offline != "" {
		calls, err := x.read()
		if err != nil {
			return nil, err.Error()
		}
		if waits(calls) {
			return nil, t.Offline
		}
	}
	return []bench.Trial{{Via: x.Via, Labels: map[string]string{record.LabelClients: strconv.Itoa(x.Clients)},
		Least: time.Second}}, ""
}

// traceTimeout bounds a call: the longest wait that a file can ask for, and the start of a
// sandbox.
const traceTimeout = workloads.MaxDelay + time.Minute

func (x *trace) RunTrial(ctx context.Context, env *bench.Env, t bench.Trial, sink *bench.Sink) (err error) {
	calls, err := x.read()
	if err != nil {
		return err
	}
	names, pick := calls.Functions()
	pop, err := newMixed(calls, env.Population)
	if err != nil {
		return err
	}
	events, err := eventsOf(ctx, env, calls)
	if err != nil {
		return err
	}
	fns := Functions{pop, len(pop), traceTimeout, x.Memory}
	caller, err := open(ctx, env, t.Via, (&throughput{Instances: x.Instances, Clients: x.Clients}).config(env.Cores),
		fns)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, caller.Close()) }()
	made, ok, last := 0, 0, time.Duration(0)
	target := workloads.TargetFunc[Reply](func(ctx context.Context, a workloads.Arrival) Reply {
		return caller.Call(ctx, fns.Call(a.Function, events[calls.At(a.Number).Work]))
	})
	out := func(s workloads.Sample[Reply]) {
		made++
		if last = max(last, s.Ended); s.Reply.OK() {
			ok++
		}
		sink.Invocation(row(s, names[s.Function], nil))
	}
	// The file says how many calls there are. The share of the budget does not cut them.
	load := workloads.Load{Pacer: workloads.Closed{Calls: calls.Calls()}, Clients: x.Clients, Pick: pick}
	if err := workloads.Run(ctx, target, out, load); err != nil {
		return fmt.Errorf("%d of the %d calls of %s were made in time; give the experiment a larger budget: %w",
			made, calls.Calls(), x.File, err)
	}
	sink.Measurement(record.Measurement{Metric: record.MetricThroughput, Unit: record.UnitRate,
		Value: float64(ok) / last.Seconds()})
	return nil
}
