package bench

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/lambdabench/lambdabench/platform/worker"
	isolation "github.com/lambdabench/lambdabench/runtime"
	"github.com/lambdabench/lambdabench/workloads"
)

// Env is what a trial works with.
type Env struct {
	Dir         string // the trial's own, removed after it
	Backend     isolation.Backend
	Interpreter isolation.Interpreter
	Seed        uint64
	Cores       int
	Log         *slog.Logger

	shared *shared
}

// shared lives as long as the run.
type shared struct {
	dir         string
	network     Network
	populations map[string]*workloads.Population
	server      *workloads.WaitServer
	memory      *memoryGroup
}

func newEnv(su *Suite, work string, log *slog.Logger) (*Env, error) {
	if err := os.MkdirAll(work, 0o755); err != nil {
		return nil, fmt.Errorf("make work folder: %w", err)
	}
	work, err := filepath.Abs(work)
	if err != nil {
		return nil, err
	}
	sh := &shared{dir: work, network: su.Network, populations: map[string]*workloads.Population{}}
	if sh.memory, err = joinMemoryGroup(); err != nil {
		log.Info("no memory cgroup could be made, memory is measured as PSS", "reason", err)
	}
	return &Env{Seed: su.Seed, Cores: runtime.NumCPU(), Log: log, shared: sh}, nil
}

// close leaves nothing of the run behind on the host but the records.
func (e *Env) close() error {
	var err error
	if e.shared.server != nil {
		err = e.shared.server.Close()
	}
	return errors.Join(err, e.shared.memory.leave(), os.RemoveAll(e.shared.dir))
}

func (e *Env) forTrial(t Trial, b isolation.Backend) (*Env, error) {
	own := *e
	own.Backend, own.Interpreter = b, t.Target.Interpreter
	dir, err := os.MkdirTemp(e.shared.dir, "trial-")
	if err != nil {
		return nil, fmt.Errorf("make trial folder: %w", err)
	}
	own.Dir = dir
	return &own, os.Chmod(dir, 0o755)
}

// Population returns m unique functions of a kind, in the trial's language.
// Trials of one run share them: their code is the same for every backend.
func (e *Env) Population(kind workloads.Kind, m int) (*workloads.Population, error) {
	language := string(e.Interpreter.Language)
	key := language + "/" + string(kind)
	p, ok := e.shared.populations[key]
	if !ok {
		var err error
		if p, err = workloads.NewPopulation(filepath.Join(e.shared.dir, language, string(kind)), language, kind); err != nil {
			return nil, err
		}
		e.shared.populations[key] = p
	}
	return p, p.Grow(m)
}

// WaitURL is what a function calls in order to wait for delay, under the
// address at which this backend's functions see the host.
func (e *Env) WaitURL(delay time.Duration) (string, error) {
	sh := e.shared
	if sh.server == nil {
		s, err := workloads.StartWaitServer(sh.network.Listen)
		if err != nil {
			return "", err
		}
		sh.server = s
	}
	name := e.Backend.Name()
	host, ok := sh.network.Hosts[name]
	if !ok {
		family, _, _ := strings.Cut(name, "/")
		host = sh.network.Hosts[family]
	}
	return sh.server.URL(host, delay), nil
}

// Functions are the first Count of a population, with what the platform is told
// of each.
type Functions struct {
	Population *workloads.Population
	Count      int
	Timeout    time.Duration
	Memory     Size // limit
}

// Call is a call of function i with an event.
func (f Functions) Call(i int, payload []byte) Callee {
	return Callee{Population: f.Population, Number: i, Payload: payload, Timeout: f.Timeout, Limits: isolation.Limits{MemoryBytes: int64(f.Memory)}}
}

// Callee is one function of a population, ready to be called.
type Callee struct {
	Population *workloads.Population
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

// Reply is what became of one call.
type Reply struct {
	Path    string
	Stages  worker.Stages
	Outcome string
	Error   string
}

// OK reports whether the function was called and gave the right answer.
func (r Reply) OK() bool { return r.Outcome == string(isolation.OK) }

// Outcomes that the harness adds to those of package runtime.
const (
	OutcomeRefused = "refused" // the platform could not or would not run it
	OutcomeWrong   = "wrong"   // another answer than the function's
)

// Caller is a way to reach functions.
type Caller interface {
	Call(ctx context.Context, c Callee) Reply
	Close() error
}

// checked classifies a result, and compares the answer with what the function
// should give.
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

// Open starts a platform with the given worker, and returns the way to the
// functions that it is told of.
func (e *Env) Open(ctx context.Context, via string, cfg worker.Config, fns ...Functions) (Caller, error) {
	if via == ViaGateway {
		return e.OpenGateway(ctx, cfg, fns...)
	}
	return e.OpenWorker(ctx, cfg)
}
