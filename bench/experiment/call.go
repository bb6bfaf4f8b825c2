package experiment

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/lambdabench/lambdabench/analysis/record"
	"github.com/lambdabench/lambdabench/bench"
	"github.com/lambdabench/lambdabench/platform/worker"
	"github.com/lambdabench/lambdabench/runtime/isolation"
	"github.com/lambdabench/lambdabench/workloads"
)

// Population is a set of numbered functions with the right answer of each, such as a
// *workloads.Population.
type Population interface {
	Name(i int) string
	Package(i int) string
	Zip(i int) ([]byte, error)
	Check(i int, reply []byte) error
}

// Functions are the first Count functions of a population, with the settings that the
// platform gets for each.
type Functions struct {
	Population Population
	Count      int
	Timeout    time.Duration
	Memory     bench.Size // limit
}

// Call is a call of function i with an event.
func (f Functions) Call(i int, payload []byte) Callee {
	return Callee{Population: f.Population, Number: i, Payload: payload, Timeout: f.Timeout,
		Limits: isolation.Limits{MemoryBytes: int64(f.Memory)}}
}

// Callee is one function of a population, ready to be called.
type Callee struct {
	Population Population
	Number     int
	Payload    []byte
	Timeout    time.Duration
	Limits     isolation.Limits
}

// Function is the callee as the isolation contract has it.
func (c Callee) Function() isolation.Function {
	name := c.Population.Name(c.Number)
	return isolation.Function{
		Name: name, Version: "$LATEST", ARN: "arn:aws:lambda:local:000000000000:function:" + name,
		Handler: workloads.Handler, Package: c.Population.Package(c.Number), Limits: c.Limits,
	}
}

// Reply is the outcome of one call, with its path and stages.
type Reply struct {
	Path    string
	Stages  worker.Stages
	Outcome string
	Error   string
}

// OK reports whether the function was called and gave the right answer.
func (r Reply) OK() bool { return r.Outcome == string(isolation.OK) }

// Outcomes that the harness adds to those of package isolation.
const (
	OutcomeRefused = "refused" // the platform could not or would not run it
	OutcomeWrong   = "wrong"   // another answer than the function's
)

// Caller is a way to reach functions.
type Caller interface {
	Call(ctx context.Context, c Callee) Reply
	Close() error
}

// checked classifies a result, and compares the answer with the function's right one.
func checked(c Callee, res isolation.Result) (outcome, message string) {
	if res.Outcome != isolation.OK {
		if res.Error != nil {
			message = res.Error.Error()
		}
		return string(res.Outcome), message
	}
	if err := c.Population.Check(c.Number, res.Payload); err != nil {
		return OutcomeWrong, err.Error()
	}
	return string(isolation.OK), ""
}

// patient is a worker's configuration that waits for sandboxes as long as the run's
// patience says. Without a patience the worker's own defaults hold.
func patient(env *bench.Env, cfg worker.Config) worker.Config {
	if p := env.Patience; p > 0 {
		cfg.BootTimeout, cfg.ImportTimeout = p, p
	}
	return cfg
}

// open starts a platform with the given worker, and returns the way to the functions.
func open(ctx context.Context, env *bench.Env, via string, cfg worker.Config, fns ...Functions) (Caller, error) {
	if via == record.ViaGateway {
		return openGateway(ctx, env, cfg, fns...)
	}
	return openWorker(ctx, env, cfg)
}

// invoke calls a function in a sandbox that has imported it.
func invoke(ctx context.Context, sb isolation.Sandbox, c Callee) (outcome, message string) {
	payload := c.Payload
	if payload == nil {
		payload = []byte("{}")
	}
	res, err := sb.Invoke(ctx, isolation.Invocation{ID: uuid.NewString(), Payload: payload,
		Deadline: time.Now().Add(10 * time.Second)})
	if err != nil {
		return OutcomeRefused, err.Error()
	}
	return checked(c, res)
}
