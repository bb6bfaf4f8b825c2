package bench

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/lambdabench/lambdabench/analysis/record"
	"github.com/lambdabench/lambdabench/platform/worker"
	"github.com/lambdabench/lambdabench/runtime/isolation"
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
	patience    time.Duration // Runner.Patience
	network     Network
	populations map[string]*workloads.Population
	servers     map[string]*workloads.WaitServer // by the address that they listen on
	memory      *memoryGroup
}

func newEnv(su *Suite, work string, patience time.Duration, log *slog.Logger) (*Env, error) {
	if err := os.MkdirAll(work, 0o755); err != nil {
		return nil, fmt.Errorf("make work folder: %w", err)
	}
	work, err := filepath.Abs(work)
	if err != nil {
		return nil, err
	}
	sh := &shared{
		dir: work, patience: patience, network: su.Network,
		populations: map[string]*workloads.Population{}, servers: map[string]*workloads.WaitServer{},
	}
	if _, err := sh.serve(su.Network.Listen); err != nil {
		return nil, err
	}
	if sh.memory, err = joinMemoryGroup(); err != nil {
		log.Info("no memory cgroup could be made, memory is measured as PSS", "reason", err)
	}
	return &Env{Seed: su.Seed, Cores: runtime.NumCPU(), Log: log, shared: sh}, nil
}

// close leaves nothing of the run behind on the host but the records. The
// backends are closed by then.
func (e *Env) close() error {
	var errs []error
	for _, s := range e.shared.servers {
		errs = append(errs, s.Close())
	}
	errs = append(errs, e.shared.memory.leave(), os.RemoveAll(e.shared.dir))
	return errors.Join(errs...)
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

// hosted is a backend whose functions see the host at an address of its own, as
// containers on a bridge do.
type hosted interface {
	HostAddress(ctx context.Context) (string, error)
}

// WaitURL is what a function calls in order to wait for delay, under the
// address at which this backend's functions see the host: the suite's, the
// backend's own, or the one that the server listens on.
func (e *Env) WaitURL(ctx context.Context, delay time.Duration) (string, error) {
	sh, name := e.shared, e.Backend.Name()
	family, _, _ := strings.Cut(name, "/")
	listen, host := sh.network.Listen, sh.network.host(name, family)
	if h, ok := e.Backend.(hosted); ok && host == "" {
		address, err := h.HostAddress(ctx)
		if err != nil {
			return "", fmt.Errorf("ask backend %s for the host's address: %w", name, err)
		}
		if address != "" {
			listen = net.JoinHostPort(address, "0") // a bridge that only this host's sandboxes are on
		}
	}
	s, err := sh.serve(listen)
	if err != nil {
		return "", err
	}
	return s.URL(host, delay), nil
}

// serve returns the server that listens on an address.
func (sh *shared) serve(listen string) (*workloads.WaitServer, error) {
	if s, ok := sh.servers[listen]; ok {
		return s, nil
	}
	s, err := workloads.StartWaitServer(listen)
	if err == nil {
		sh.servers[listen] = s
	}
	return s, err
}

// allow is what functions may reach: the server that they wait for.
func (e *Env) allow() []string {
	s := e.shared.servers[e.shared.network.Listen]
	hosts := []string{s.Host()}
	for _, h := range e.shared.network.Hosts {
		hosts = append(hosts, h)
	}
	for i, h := range hosts {
		hosts[i] = net.JoinHostPort(h, strconv.Itoa(s.Port()))
	}
	return hosts
}

// Population is a set of numbered functions that know their right answer; a
// *workloads.Population is one.
type Population interface {
	Name(i int) string
	Package(i int) string
	Zip(i int) ([]byte, error)
	Check(i int, reply []byte) error
}

// Functions are the first Count of a population, with what the platform is told
// of each.
type Functions struct {
	Population Population
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

// Reply is what became of one call.
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

// patient is a worker's configuration that waits for sandboxes as long as the run
// shall. Without a patience the worker's own defaults hold.
func (e *Env) patient(cfg worker.Config) worker.Config {
	if p := e.shared.patience; p > 0 {
		cfg.BootTimeout, cfg.ImportTimeout = p, p
	}
	return cfg
}

// Open starts a platform with the given worker, and returns the way to the
// functions that it is told of.
func (e *Env) Open(ctx context.Context, via string, cfg worker.Config, fns ...Functions) (Caller, error) {
	if via == record.ViaGateway {
		return e.OpenGateway(ctx, cfg, fns...)
	}
	return e.OpenWorker(ctx, cfg)
}
