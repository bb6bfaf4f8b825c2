package experiment

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/lambdabench/lambdabench/analysis/record"
	"github.com/lambdabench/lambdabench/bench"
	"github.com/lambdabench/lambdabench/bench/host"
)

// density is SEUSS's table 3: instances are created, several at a time, until
// a memory budget is used up. It works on the backend itself, as the paper did.
type density struct {
	States   []string       `yaml:"states"`   // booted, served, idle, paused, swapped
	Once     []string       `yaml:"once"`     // further states, measured in the first repeat alone
	Memory   bench.Size     `yaml:"memory"`   // budget of all instances together
	Floor    bench.Size     `yaml:"floor"`    // memory that must stay available on the host
	Count    int            `yaml:"count"`    // most instances
	Parallel int            `yaml:"parallel"` // creations at a time; 0: one per core
	Rest     bench.Duration `yaml:"rest"`     // idle: until the memory in use was the same for so long
	AO       []string       `yaml:"ao"`       // steps of anticipatory optimisation; the backend's choice by default
}

// densityStates are the states that instances can be measured in.
var densityStates = []string{record.StateBooted, record.StateServed, record.StateIdle, record.StatePaused,
	record.StateSwapped}

func newDensity() *density {
	return &density{States: []string{record.StateBooted, record.StateServed}, Memory: 1 << 30, Floor: 1 << 30,
		Count: 200_000, Rest: bench.Duration(12 * time.Second)}
}

func (d *density) Name() string { return record.ExperimentDensity }

func (d *density) Doc() string {
	return "idle instances that fit into a memory budget, bytes each, creations a second"
}

func (d *density) Check() error {
	for key, states := range map[string][]string{"states": d.States, "once": d.Once} {
		for _, s := range states {
			if !slices.Contains(densityStates, s) {
				return bench.Bad(key, "%q is none of %s", s, strings.Join(densityStates, ", "))
			}
		}
	}
	if d.Memory < 1<<20 {
		return bench.Bad("memory", "want at least 1MiB")
	}
	return errors.Join(checkSteps("ao", d.AO), bench.AtLeast("states", len(d.States), 1),
		bench.AtLeast("count", d.Count, 1), bench.AtLeast("parallel", d.Parallel, 0))
}

func (d *density) Trials(t bench.Target) ([]bench.Trial, string) {
	var all []bench.Trial
	var left []string
	for i, s := range slices.Concat(d.States, d.Once) {
		if lack := stateLack(t, s); lack != "" {
			left = append(left, "state "+s+": "+lack)
			continue
		}
		least := 2 * time.Second
		if s == record.StateIdle {
			least += time.Duration(d.Rest)
		}
		trial := bench.Trial{Via: record.ViaSandbox, Labels: map[string]string{record.LabelState: s}, Least: least}
		if i >= len(d.States) {
			trial.Most = 1
		}
		all = append(all, trial)
	}
	return all, strings.Join(left, "; ")
}

// stateLack tells why instances of a target cannot be in a state; "" where they can.
func stateLack(t bench.Target, state string) string {
	switch state {
	case record.StatePaused:
		return t.Restless
	case record.StateSwapped:
		if lack := cmp.Or(t.Restless, t.Resident); lack != "" {
			return lack
		}
		if err := host.CanSwap(); err != nil {
			return err.Error()
		}
	}
	return ""
}

func (d *density) RunTrial(ctx context.Context, env *bench.Env, t bench.Trial, sink *bench.Sink) (err error) {
	c, err := newCreator(ctx, env, d.AO, t.Labels[record.LabelState] != record.StateBooted)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.close()) }()
	meter, err := host.NewMeter(env.Memory, c.first)
	if err != nil {
		return err
	}
	fleet := &fleet{
		meter: meter, creator: c, sink: sink,
		state: t.Labels[record.LabelState], same: time.Duration(d.Rest),
		memory: int64(d.Memory), floor: int64(d.Floor), count: d.Count, parallel: d.parallel(env.Cores), limit: t.Limit,
	}
	if fleet.state == record.StateSwapped {
		if fleet.swap, err = host.OpenSwap(ctx, swapShare*int64(d.Memory)); err != nil {
			return err
		}
	}
	defer func() { err = errors.Join(err, fleet.close(env.Cores), fleet.swap.Close()) }()
	stopped, took, err := fleet.fillAtRest(ctx)
	if err != nil {
		return err
	}
	n := len(fleet.live)
	if n == 0 {
		return fmt.Errorf("no instance could be created: %s", fleet.failure)
	}
	used, err := fleet.used()
	if err != nil {
		return err
	}
	labels := map[string]string{record.LabelStopped: stopped, record.LabelBudget: sizeLabel(d.Memory)}
	put := func(metric, unit string, v float64, l map[string]string) {
		sink.Measurement(record.Measurement{Metric: metric, Unit: unit, Value: v, Source: meter.Source, Labels: l})
	}
	put(record.MetricBytesPerInstance, record.UnitBytes, float64(used)/float64(n), nil)
	put(record.MetricInstances, record.UnitCount, float64(n), labels)
	sink.Measurement(record.Measurement{Metric: record.MetricCreationRate, Unit: record.UnitRate,
		Value: float64(n) / took.Seconds()})
	if !c.serve {
		return nil
	}
	peak, err := fleet.callAll(ctx)
	if err == nil && peak > 0 {
		put(record.MetricPeakMemory, record.UnitBytes, float64(peak), nil)
	}
	return err
}

// swapShare is how many budgets of uncompressed pages a swap device has room for.
const swapShare = 8

func (d *density) parallel(cores int) int {
	if d.Parallel > 0 {
		return d.Parallel
	}
	return cores
}

func sizeLabel(s bench.Size) string {
	v, err := s.MarshalYAML()
	if err != nil {
		return fmt.Sprint(int64(s))
	}
	return v.(string)
}
