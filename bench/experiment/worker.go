package experiment

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"github.com/lambdabench/lambdabench/bench"
	"github.com/lambdabench/lambdabench/platform/worker"
	"github.com/lambdabench/lambdabench/runtime/isolation"
)

// workerCaller calls functions at a worker in this process.
type workerCaller struct {
	*worker.Worker
	runtime string
}

// openWorker starts a worker on the trial's backend and returns when its
// runtime snapshots and stem cells are ready.
func openWorker(ctx context.Context, env *bench.Env, cfg worker.Config) (*workerCaller, error) {
	cfg = patient(env, cfg)
	cfg.Log = env.Log
	w, err := worker.New(cfg, env.Backend, []isolation.Interpreter{env.Interpreter})
	if err != nil {
		return nil, err
	}
	if err := w.Ready(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("wait for the worker: %w", err), w.Close())
	}
	return &workerCaller{w, env.Interpreter.Runtime}, nil
}

// Call implements Caller.
func (w *workerCaller) Call(ctx context.Context, c Callee) Reply {
	res, err := w.Invoke(ctx, worker.Request{
		Runtime: w.runtime, Function: c.Function(), Revision: "1", Timeout: c.Timeout,
		Invocation: isolation.Invocation{ID: uuid.NewString(), Payload: c.Payload},
	})
	r := Reply{Path: string(res.Path), Stages: res.Stages}
	if err != nil {
		r.Outcome, r.Error = OutcomeRefused, err.Error()
		return r
	}
	r.Outcome, r.Error = checked(c, res.Result)
	return r
}
