package experiment

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/lambdabench/lambdabench/analysis/record"
	"github.com/lambdabench/lambdabench/bench"
	"github.com/lambdabench/lambdabench/runtime/isolation"
	"github.com/lambdabench/lambdabench/workloads"
)

// network measures what the network of a sandbox costs at its creation: the same backend
// boots sandboxes on each network that it can put them on. First one sandbox is made at a
// time, then several, each closed before its maker makes another, so that the removal of
// a network is part of the rate.
type network struct {
	Calls    int `yaml:"calls"`    // sandboxes that are made one at a time, at most
	Warmup   int `yaml:"warmup"`   // sandboxes before them, recorded as such
	Parallel int `yaml:"parallel"` // sandboxes at a time afterwards; 0: one per core
}

func newNetwork() *network { return &network{Calls: 200, Warmup: 2} }

func (n *network) Name() string { return record.ExperimentNetwork }

func (n *network) Doc() string {
	return "latency and rate of sandboxes that are made on each network of a backend (none, host, bridge, pooled)"
}

func (n *network) Check() error {
	return errors.Join(bench.AtLeast("calls", n.Calls, 1), bench.AtLeast("warmup", n.Warmup, 0),
		bench.AtLeast("parallel", n.Parallel, 0))
}

func (n *network) Trials(t bench.Target) ([]bench.Trial, string) {
	if t.Networks == "" {
		return nil, "sandboxes of " + t.Backend + " are on no network of the host (no isolation.Networked)"
	}
	var all []bench.Trial
	for _, name := range strings.Fields(t.Networks) {
		all = append(all, bench.Trial{Via: record.ViaSandbox, Path: record.PathBoot, Least: 3 * time.Second,
			Labels: map[string]string{record.LabelNetwork: name}})
	}
	return all, ""
}

func (n *network) RunTrial(ctx context.Context, env *bench.Env, t bench.Trial, sink *bench.Sink) (err error) {
	networked, ok := env.Backend.(isolation.Networked)
	if !ok {
		return fmt.Errorf("%s has no choice of networks", env.Backend.Name())
	}
	own := *env
	if own.Backend, err = networked.OnNetwork(t.Labels[record.LabelNetwork]); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, own.Backend.Close()) }()
	c, err := newCreator(ctx, &own, nil, true)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.close()) }()
	if err := n.oneAtATime(ctx, c, t.Limit/2, sink); err != nil {
		return err
	}
	return n.several(ctx, c, env.Cores, t.Limit/2, sink)
}

// oneAtATime gives the latency of a new sandbox up to its first reply.
func (n *network) oneAtATime(ctx context.Context, c *creator, limit time.Duration, sink *bench.Sink) error {
	start := time.Now()
	for i := -n.Warmup; i < n.Calls && (i <= 0 || time.Since(start) < limit); i++ {
		a := workloads.Arrival{Number: i, Due: time.Since(start)}
		s := workloads.Sample[Reply]{Arrival: a, Started: a.Due}
		sb, r := c.create(ctx, i+n.Warmup)
		s.Reply, s.Ended = r, time.Since(start)
		if sb != nil {
			if err := sb.Close(); err != nil {
				return err
			}
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		var labels map[string]string
		if i < 0 {
			labels = map[string]string{record.LabelWarmup: record.Warmup}
		}
		sink.Invocation(row(s, c.function(i+n.Warmup), labels))
	}
	return nil
}

// several gives the rate at which sandboxes can be made, called once and removed.
func (n *network) several(ctx context.Context, c *creator, cores int, limit time.Duration, sink *bench.Sink) error {
	var mu sync.Mutex
	var made int
	var failed error
	target := workloads.TargetFunc[Reply](func(ctx context.Context, a workloads.Arrival) Reply {
		sb, r := c.create(ctx, a.Number)
		if sb == nil {
			return r
		}
		err := sb.Close()
		mu.Lock()
		defer mu.Unlock()
		made, failed = made+1, errors.Join(failed, err)
		return r
	})
	out := func(s workloads.Sample[Reply]) {
		sink.Invocation(row(s, c.function(s.Number), map[string]string{record.LabelLoad: record.LoadClosed}))
	}
	clients := n.Parallel
	if clients == 0 {
		clients = cores
	}
	start := time.Now()
	err := workloads.Run(ctx, target, out, workloads.Load{Clients: clients,
		Pacer: pacerFunc(func(elapsed time.Duration, _ int) (time.Duration, bool) { return elapsed, elapsed < limit })})
	if err := errors.Join(err, failed); err != nil {
		return err
	}
	sink.Measurement(record.Measurement{Metric: record.MetricCreationRate, Unit: record.UnitRate,
		Value: float64(made) / time.Since(start).Seconds()})
	return nil
}
