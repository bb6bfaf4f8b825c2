package surface

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/lambdabench/lambdabench/analysis/record"
	"github.com/lambdabench/lambdabench/bench"
	"github.com/lambdabench/lambdabench/runtime/isolation"
)

//go:embed probes
var probes embed.FS

// probeFunction unpacks the probes of the trial's language.
func probeFunction(env *bench.Env) (isolation.Function, error) {
	sub, err := fs.Sub(probes, "probes/"+string(env.Interpreter.Language))
	if err != nil {
		return isolation.Function{}, err
	}
	dir := filepath.Join(env.Dir, "probes")
	if err := os.CopyFS(dir, sub); err != nil {
		return isolation.Function{}, fmt.Errorf("unpack the probes: %w", err)
	}
	return isolation.Function{Name: "surface", Version: "$LATEST", Handler: "index.handler", Package: dir,
		Limits: isolation.Limits{MemoryBytes: 512 << 20}}, nil
}

// probe is one trial.
type probe struct {
	ctx  context.Context
	env  *bench.Env
	fn   isolation.Function
	sink *bench.Sink
	free float64 // the share of a processor that a function got without a limit
}

func (p *probe) isolated(feature string, yes bool, detail string) {
	value := 0.0
	if yes {
		value = 1
	}
	p.measure(record.MetricIsolated, record.UnitBool, feature, value, detail)
}

func (p *probe) reachable(feature string, n int, detail string) {
	p.measure(record.MetricReachable, record.UnitCount, feature, float64(n), detail)
}

func (p *probe) measure(metric, unit, feature string, value float64, detail string) {
	labels := map[string]string{record.LabelFeature: feature}
	if detail != "" {
		labels[record.LabelDetail] = detail
	}
	p.sink.Measurement(record.Measurement{Metric: metric, Unit: unit, Value: value, Labels: labels, Source: "probe"})
}

// open boots a sandbox with the probes under limits.
func (p *probe) open(limits isolation.Limits) (isolation.Sandbox, error) {
	fn := p.fn
	fn.Limits = limits
	sb, err := p.env.Backend.Boot(p.ctx, isolation.BootSpec{Interpreter: p.env.Interpreter, Limits: limits})
	if err != nil {
		return nil, fmt.Errorf("boot a sandbox to probe: %w", err)
	}
	if err := sb.Import(p.ctx, fn); err != nil {
		return nil, errors.Join(fmt.Errorf("import the probes: %w", err), sb.Close())
	}
	return sb, nil
}

// invoke records a row that counts in no statistic: a refused probe is no error of the
// backend.
func (p *probe) invoke(sb isolation.Sandbox, event string) (isolation.Result, error) {
	start := time.Now()
	res, err := sb.Invoke(p.ctx, isolation.Invocation{ID: "surface", Payload: []byte(event),
		Deadline: start.Add(time.Minute)})
	row := record.Invocation{Function: p.fn.Name, Labels: map[string]string{record.LabelWarmup: record.Warmup},
		Latency: int64(time.Since(start)), Outcome: string(res.Outcome)}
	if res.Error != nil {
		row.Error = res.Error.Error()
	}
	if err == nil {
		p.sink.Invocation(row)
	}
	return res, err
}

// spin has a function spin and returns the share of a processor that the function got, as
// the host counts it: a guest may count its own processor time falsely.
func (p *probe) spin(sb isolation.Sandbox, d time.Duration) (res isolation.Result, share float64, err error) {
	before, err := sb.Usage()
	if err != nil {
		return res, 0, err
	}
	begin := time.Now()
	res, err = p.invoke(sb, fmt.Sprintf(`{"probe":"spin","ms":%d}`, d.Milliseconds()))
	if err != nil || res.Outcome != isolation.OK {
		return res, 0, err
	}
	wall := time.Since(begin)
	after, err := sb.Usage()
	return res, float64(after.CPU-before.CPU) / float64(wall), err
}
