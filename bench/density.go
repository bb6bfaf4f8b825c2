package bench

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/lambdabench/lambdabench/analysis/record"
)

// density is SEUSS's table 3: instances are created, several at a time, until
// a memory budget is used up. It works on the backend itself, as the paper did.
type density struct {
	States   []string `yaml:"states"`   // booted, served, idle
	Memory   Size     `yaml:"memory"`   // budget of all instances together
	Floor    Size     `yaml:"floor"`    // memory that must stay available on the host
	Count    int      `yaml:"count"`    // most instances
	Parallel int      `yaml:"parallel"` // creations at a time; 0: one per core
	Rest     Duration `yaml:"rest"`     // idle: until the memory in use was the same for so long
	AO       []string `yaml:"ao"`       // steps of anticipatory optimisation; the backend's choice by default
}

func newDensity() *density {
	return &density{States: []string{record.StateBooted, record.StateServed}, Memory: 1 << 30, Floor: 1 << 30, Count: 200_000, Rest: Duration(12 * time.Second)}
}

func (d *density) Name() string { return record.ExperimentDensity }

func (d *density) Doc() string {
	return "idle instances that fit into a memory budget, bytes each, creations a second"
}

func (d *density) Check() error {
	for _, s := range d.States {
		if s != record.StateBooted && s != record.StateServed && s != record.StateIdle {
			return &BadValue{"states", fmt.Sprintf("%q is none of %s, %s, %s", s, record.StateBooted, record.StateServed, record.StateIdle)}
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
		least := 2 * time.Second
		if s == record.StateIdle {
			least += time.Duration(d.Rest)
		}
		all = append(all, Trial{Via: record.ViaSandbox, Labels: map[string]string{record.LabelState: s}, Least: least})
	}
	return all
}

// uniqueFunctions is how many functions the instances take turns with.
const uniqueFunctions = 1024

func (d *density) RunTrial(ctx context.Context, env *Env, t Trial, sink *Sink) (err error) {
	c, err := newCreator(ctx, env, d.AO, t.Labels[record.LabelState] != record.StateBooted)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.close()) }()
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
	fill := fleet.fill
	if t.Labels[record.LabelState] == record.StateIdle {
		fill = fleet.fillAtRest
	}
	stopped, took, err := fill(ctx, d, parallel, t.Limit)
	if err != nil {
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
	put(record.MetricBytesPerInstance, record.UnitBytes, float64(used)/float64(n), nil)
	put(record.MetricInstances, record.UnitCount, float64(n), labels)
	sink.Measurement(record.Measurement{Metric: record.MetricCreationRate, Unit: record.UnitRate, Value: float64(n) / took.Seconds()})
	if !c.serve {
		return nil
	}
	peak, err := fleet.callAll(ctx)
	if err == nil && peak > 0 {
		put(record.MetricPeakMemory, record.UnitBytes, float64(peak), nil)
	}
	return err
}

func sizeLabel(s Size) string {
	v, err := s.MarshalYAML()
	if err != nil {
		return fmt.Sprint(int64(s))
	}
	return v.(string)
}
