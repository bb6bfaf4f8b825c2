package experiment

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/lambdabench/lambdabench/analysis/record"
	"github.com/lambdabench/lambdabench/bench"
	"github.com/lambdabench/lambdabench/platform/worker"
	"github.com/lambdabench/lambdabench/runtime/isolation"
)

// coldStarts are the starts of a cold call that a backend with or without snapshots
// has, from the slowest.
func coldStarts(snapshots bool) []string {
	all := []string{record.StartStem, record.StartStemAO}
	if snapshots {
		all = append(all, record.StartSnapshot)
	}
	return all
}

// anticipated are the steps of anticipatory optimisation that a backend asks for; the
// drivers' own for one that does not ask.
func anticipated(b isolation.Backend) []string {
	if a, ok := b.(isolation.Anticipator); ok {
		return a.Anticipate()
	}
	return []string{isolation.StepNetwork, isolation.StepInterpreter}
}

// startConfig is the configuration of a worker whose cold calls have one kind of start.
// steps are those of anticipatory optimisation; nil: the backend's choice.
func startConfig(backend isolation.Backend, start string, steps []string) worker.Config {
	var cfg worker.Config
	if steps == nil {
		steps = anticipated(backend)
	}
	switch start {
	case record.StartSnapshot:
		cfg.Runtimes.Prepare = steps
	case record.StartStem:
		cfg.Runtimes.Off, cfg.StemCells = true, 1
	case record.StartStemAO:
		cfg.Runtimes.Off, cfg.StemCells, cfg.StemPrepare = true, 1, steps
	default:
		cfg.Runtimes.Off = true
	}
	return cfg
}

// refills is how many stem cells refill starts, one after the other.
const refills = 4

// refill measures what stem cells cost before their calls: how many one starter makes a
// second, and the memory of the last one, which shares what it can with the others.
func refill(ctx context.Context, env *bench.Env, cfg worker.Config, limit time.Duration, sink *bench.Sink) (err error) {
	var stems []isolation.Sandbox
	defer func() {
		for _, sb := range stems {
			err = errors.Join(err, sb.Close())
		}
	}()
	begin := time.Now()
	for len(stems) < refills && (len(stems) == 0 || time.Since(begin) < limit) {
		sb, err := env.Backend.Boot(ctx, isolation.BootSpec{Interpreter: env.Interpreter, Prepare: cfg.StemPrepare,
			Training: cfg.Training})
		if err != nil {
			return fmt.Errorf("start a stem cell: %w", err)
		}
		stems = append(stems, sb)
	}
	sink.Measurement(record.Measurement{Metric: record.MetricRefillRate, Unit: record.UnitRate,
		Value: float64(len(stems)) / time.Since(begin).Seconds()})
	if u, err := stems[len(stems)-1].Usage(); err == nil {
		sink.Measurement(record.Measurement{Metric: record.MetricStemMemory, Unit: record.UnitBytes,
			Value: float64(u.MemoryBytes), Source: u.Source})
	}
	return nil
}
