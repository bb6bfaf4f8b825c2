package experiment

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/lambdabench/lambdabench/analysis/record"
	"github.com/lambdabench/lambdabench/bench"
	"github.com/lambdabench/lambdabench/platform/worker"
)

// scheduling shows what SCHED_BATCH of the platform's threads brings (worker.Config.Batch):
// the throughput of short hot calls, of which more are under way than there are processors,
// with the policy and without.
type scheduling struct {
	Functions int            `yaml:"functions"` // all of them hot
	Clients   int            `yaml:"clients"`
	Window    bench.Duration `yaml:"window"` // of the count
}

func newScheduling() *scheduling {
	return &scheduling{Functions: 4, Clients: 8, Window: bench.Duration(time.Second)}
}

// schedulingFill is the time in which a backend starts the few sandboxes of a trial.
const schedulingFill = 2 * time.Second

func (x *scheduling) Name() string { return record.ExperimentScheduling }

func (x *scheduling) Doc() string {
	return "hot calls a second with the platform's threads as SCHED_BATCH under oversubscription, and as others"
}

func (x *scheduling) Check() error {
	if x.Window <= 0 {
		return bench.Bad("window", "must be above 0")
	}
	return errors.Join(bench.AtLeast("functions", x.Functions, 1), bench.AtLeast("clients", x.Clients, 1))
}

func (x *scheduling) Trials(bench.Target) ([]bench.Trial, string) {
	var all []bench.Trial
	for _, mode := range []worker.BatchMode{worker.BatchAuto, worker.BatchOff} {
		all = append(all, bench.Trial{Via: record.ViaWorker, Least: time.Duration(x.Window) + schedulingFill,
			Labels: map[string]string{record.LabelBatch: string(mode),
				record.LabelFunctions: strconv.Itoa(x.Functions)}})
	}
	return all, ""
}

// RunTrial is that of throughput, with a sandbox of every function for every client: no call
// starts one, whichever functions the clients call at a time.
func (x *scheduling) RunTrial(ctx context.Context, env *bench.Env, t bench.Trial, sink *bench.Sink) error {
	load := newThroughput()
	load.Clients, load.Window, load.Instances = x.Clients, x.Window, x.Functions*x.Clients
	load.batch = worker.BatchMode(t.Labels[record.LabelBatch])
	return load.RunTrial(ctx, env, t, sink)
}
