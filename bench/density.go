package bench

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/shirou/gopsutil/v4/mem"

	"github.com/lambdabench/lambdabench/analysis/record"
	"github.com/lambdabench/lambdabench/platform/worker"
	isolation "github.com/lambdabench/lambdabench/runtime"
	"github.com/lambdabench/lambdabench/workloads"
)

// density is SEUSS's table 3: instances are created, several at a time, until
// a memory budget is used up. It works on the backend itself, as the paper did.
type density struct {
	States   []string `yaml:"states"`   // booted, served
	Memory   Size     `yaml:"memory"`   // budget of all instances together
	Floor    Size     `yaml:"floor"`    // memory that must stay available on the host
	Count    int      `yaml:"count"`    // most instances
	Parallel int      `yaml:"parallel"` // creations at a time; 0: one per core
	AO       []string `yaml:"ao"`       // steps of anticipatory optimisation
}

// States of an instance that idles.
const (
	StateBooted = "booted" // the runtime with its driver, as in the paper
	StateServed = "served" // it has imported a function of its own and answered once
)

func newDensity() *density {
	return &density{States: []string{StateBooted, StateServed}, Memory: 1 << 30, Floor: 1 << 30, Count: 200_000}
}

func (d *density) Name() string { return "density" }

func (d *density) Doc() string {
	return "idle instances that fit into a memory budget, bytes each, creations a second"
}

func (d *density) Check() error {
	for _, s := range d.States {
		if s != StateBooted && s != StateServed {
			return &BadValue{"states", fmt.Sprintf("%q is neither %s nor %s", s, StateBooted, StateServed)}
		}
	}
	if d.Memory < 1<<20 {
		return &BadValue{"memory", "want at least 1MiB"}
	}
	return errors.Join(atLeast("states", len(d.States), 1), atLeast("count", d.Count, 1), atLeast("parallel", d.Parallel, 0))
}

func (d *density) Trials(Target) []Trial {
	var all []Trial
	for _, s := range d.States {
		all = append(all, Trial{Via: ViaSandbox, Labels: map[string]string{"state": s}, Least: 2 * time.Second})
	}
	return all
}

// uniqueFunctions is how many functions the instances take turns with.
const uniqueFunctions = 1024

func (d *density) RunTrial(ctx context.Context, env *Env, t Trial, sink *Sink) (err error) {
	c, err := newCreator(ctx, env, d.AO, t.Labels["state"] == StateServed)
	if err != nil {
		return err
	}
	defer c.close()
	meter, err := newMeter(env, c.first)
	if err != nil {
		return err
	}
	fleet := &fleet{meter: meter, creator: c, sink: sink}
	defer func() { err = errors.Join(err, fleet.close(env.Cores)) }()
	parallel := d.Parallel
	if parallel == 0 {
		parallel = env.Cores
	}
	stopped, took := fleet.fill(ctx, d, parallel, t.Limit)
	if err := ctx.Err(); err != nil {
		return err
	}
	n := len(fleet.live)
	if n == 0 {
		return fmt.Errorf("no instance could be created: %s", fleet.failure)
	}
	used, err := meter.all(fleet.live)
	if err != nil {
		return err
	}
	labels := map[string]string{record.LabelStopped: stopped, record.LabelBudget: sizeLabel(d.Memory)}
	put := func(metric, unit string, v float64, l map[string]string) {
		sink.Measurement(record.Measurement{Metric: metric, Unit: unit, Value: v, Source: meter.source, Labels: l})
	}
	put(record.MetricBytesPerInstance, "bytes", float64(used)/float64(n), nil)
	put(record.MetricInstances, "1", float64(n), labels)
	sink.Measurement(record.Measurement{Metric: record.MetricCreationRate, Unit: "1/s", Value: float64(n) / took.Seconds()})
	if c.serve {
		return fleet.callAll(ctx)
	}
	return nil
}

func sizeLabel(s Size) string {
	v, err := s.MarshalYAML()
	if err != nil {
		return fmt.Sprint(int64(s))
	}
	return v.(string)
}

// creator makes instances the way the backend makes them fastest: from a
// snapshot of the booted runtime where it can, else by booting.
type creator struct {
	env   *Env
	spec  isolation.BootSpec
	snap  isolation.Snapshot // nil without snapshots
	first isolation.Sandbox  // made before the measurement: it pays for what all share
	pop   *workloads.Population
	serve bool
}

func newCreator(ctx context.Context, env *Env, ao []string, serve bool) (*creator, error) {
	pop, err := env.Population(workloads.NOP, uniqueFunctions)
	if err != nil {
		return nil, err
	}
	c := &creator{env: env, spec: isolation.BootSpec{Interpreter: env.Interpreter, Prepare: ao}, pop: pop, serve: serve}
	if s, ok := env.Backend.(isolation.Snapshotter); ok {
		sb, err := env.Backend.Boot(ctx, c.spec)
		if err != nil {
			return nil, err
		}
		c.snap, err = s.Capture(ctx, sb)
		if err := errors.Join(err, sb.Close()); err != nil {
			return nil, err
		}
	}
	sb, r := c.create(ctx, 0)
	if sb == nil {
		return nil, errors.Join(fmt.Errorf("create the first instance: %s", r.Error), c.close())
	}
	c.first = sb
	return c, nil
}

// create makes instance i. The sandbox is nil when the reply is not OK.
func (c *creator) create(ctx context.Context, i int) (isolation.Sandbox, Reply) {
	r := Reply{Outcome: string(isolation.OK), Path: string(worker.Boot)}
	fail := func(sb isolation.Sandbox, outcome string, err error) (isolation.Sandbox, Reply) {
		r.Outcome, r.Error = outcome, err.Error()
		if sb != nil {
			sb.Close()
		}
		return nil, r
	}
	start := time.Now()
	var sb isolation.Sandbox
	var err error
	if c.snap != nil {
		r.Path = string(worker.Cold)
		sb, err = c.env.Backend.(isolation.Snapshotter).Deploy(ctx, c.snap, isolation.Limits{})
		r.Stages.Deploy = time.Since(start)
	} else {
		sb, err = c.env.Backend.Boot(ctx, c.spec)
		r.Stages.Boot = time.Since(start)
	}
	if err != nil {
		return fail(nil, OutcomeRefused, err)
	}
	if !c.serve {
		return sb, r
	}
	callee := Callee{Population: c.pop, Number: i % uniqueFunctions}
	start = time.Now()
	if err := sb.Import(ctx, callee.Function()); err != nil {
		return fail(sb, OutcomeRefused, err)
	}
	r.Stages.Import = time.Since(start)
	start = time.Now()
	outcome, message := invoke(ctx, sb, callee)
	r.Stages.Run = time.Since(start)
	if outcome != string(isolation.OK) {
		return fail(sb, outcome, errors.New(message))
	}
	return sb, r
}

func (c *creator) close() error {
	var err error
	if c.first != nil {
		err = c.first.Close()
	}
	if c.snap != nil {
		err = errors.Join(err, c.snap.Close())
	}
	return err
}

// invoke calls a function in a sandbox that has imported it.
func invoke(ctx context.Context, sb isolation.Sandbox, c Callee) (outcome, message string) {
	payload := c.Payload
	if payload == nil {
		payload = []byte("{}")
	}
	res, err := sb.Invoke(ctx, isolation.Invocation{ID: uuid.NewString(), Payload: payload, Deadline: time.Now().Add(10 * time.Second)})
	if err != nil {
		return OutcomeRefused, err.Error()
	}
	return checked(c, res)
}

// fleet is the instances of a density trial.
type fleet struct {
	meter   *meter
	creator *creator
	sink    *Sink

	mu      sync.Mutex
	live    []instance
	used    int64 // of the last reading, bytes
	stopped string
	failure string
}

type instance struct {
	isolation.Sandbox
	number int
}

// Reasons why no further instance was created.
const (
	stoppedBudget = "budget"
	stoppedFloor  = "floor"
	stoppedCount  = "count"
	stoppedTime   = "time"
	stoppedError  = "error"
)

// fill creates instances until something says stop, and returns what.
func (f *fleet) fill(ctx context.Context, d *density, parallel int, limit time.Duration) (stopped string, took time.Duration) {
	start := time.Now()
	target := workloads.TargetFunc[Reply](func(ctx context.Context, a workloads.Arrival) Reply {
		sb, r := f.creator.create(ctx, a.Number)
		f.mu.Lock()
		defer f.mu.Unlock()
		if sb == nil {
			f.stopped, f.failure = stoppedError, r.Error
			return r
		}
		f.live = append(f.live, instance{sb, a.Number})
		took = time.Since(start)
		return r
	})
	out := func(s workloads.Sample[Reply]) {
		f.sink.Invocation(row(s, f.creator.pop.Name(s.Number%uniqueFunctions), nil))
	}
	_ = workloads.Run(ctx, target, out, workloads.Load{Clients: parallel, Pacer: pacerFunc(func(elapsed time.Duration, n int) (time.Duration, bool) {
		return elapsed, !f.full(d, elapsed, n, limit)
	})}) // its error is ctx's, which the caller looks at
	return f.stopped, took
}

// pacerFunc is a closed loop that something else than a clock ends.
type pacerFunc func(elapsed time.Duration, count int) (time.Duration, bool)

func (p pacerFunc) Due(elapsed time.Duration, count int) (time.Duration, bool) {
	return p(elapsed, count)
}

// full decides before each creation. Reading the group's memory takes some
// ten microseconds, the host's somewhat more.
func (f *fleet) full(d *density, elapsed time.Duration, n int, limit time.Duration) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.stopped != "" {
		return true
	}
	var last []instance
	if len(f.live) > 0 {
		last = f.live[len(f.live)-1:]
	}
	used, err := f.meter.rough(last, len(f.live))
	switch {
	case err != nil:
		f.stopped, f.failure = stoppedError, err.Error()
	case used >= int64(d.Memory):
		f.stopped = stoppedBudget
	case n >= d.Count:
		f.stopped = stoppedCount
	case elapsed >= limit:
		f.stopped = stoppedTime
	case n%16 == 0 && available() < int64(d.Floor):
		f.stopped = stoppedFloor
	}
	return f.stopped != ""
}

func available() int64 {
	m, err := mem.VirtualMemory()
	if err != nil {
		return 0
	}
	return int64(m.Available)
}

// callAll has every instance answer once more: one that no longer can is not an
// instance.
func (f *fleet) callAll(ctx context.Context) error {
	start := time.Now()
	for n, in := range f.live {
		c := Callee{Population: f.creator.pop, Number: in.number % uniqueFunctions}
		s := workloads.Sample[Reply]{Arrival: workloads.Arrival{Number: n, Due: time.Since(start)}}
		s.Started = s.Due
		s.Reply.Outcome, s.Reply.Error = invoke(ctx, in, c)
		s.Ended = time.Since(start)
		s.Reply.Path, s.Reply.Stages.Run = string(worker.Hot), s.Latency()
		if err := ctx.Err(); err != nil {
			return err
		}
		f.sink.Invocation(row(s, f.creator.pop.Name(c.Number), nil))
	}
	return nil
}

// close ends all instances, several at a time.
func (f *fleet) close(parallel int) error {
	errs := make([]error, parallel)
	var wg sync.WaitGroup
	for k := range parallel {
		wg.Go(func() {
			for i := k; i < len(f.live); i += parallel {
				errs[k] = errors.Join(errs[k], f.live[i].Close())
			}
		})
	}
	wg.Wait()
	return errors.Join(slices.Compact(errs)...)
}
