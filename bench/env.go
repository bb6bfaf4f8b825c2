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

	"github.com/lambdabench/lambdabench/bench/host"
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
	Patience    time.Duration     // Runner.Patience
	Memory      *host.MemoryGroup // nil where none could be made
	Log         *slog.Logger

	shared *shared
}

// shared lives as long as the run.
type shared struct {
	dir         string
	network     Network
	populations map[string]*workloads.Population
	servers     map[string]*workloads.WaitServer // by the address that they listen on
}

// Network tells where the server is that functions wait for.
type Network struct {
	Listen string `yaml:"listen"` // "127.0.0.1:0": loopback, a free port
	// addresses at which a backend's functions see this host, where the backend does not know
	Hosts map[string]string `yaml:"hosts"`
}

// host is the address that the suite gives for a backend or its family; "" if
// it gives none.
func (n Network) host(backend string) string {
	if h, ok := n.Hosts[backend]; ok {
		return h
	}
	family, _, _ := strings.Cut(backend, "/")
	return n.Hosts[family]
}

// newEnv starts what the trials of a run share. Log is set.
func newEnv(env Env, network Network, work string) (*Env, error) {
	if err := os.MkdirAll(work, 0o755); err != nil {
		return nil, fmt.Errorf("make work folder: %w", err)
	}
	work, err := filepath.Abs(work)
	if err != nil {
		return nil, err
	}
	sh := &shared{
		dir: work, network: network,
		populations: map[string]*workloads.Population{}, servers: map[string]*workloads.WaitServer{},
	}
	if _, err := sh.serve(network.Listen); err != nil {
		return nil, err
	}
	if env.Memory, err = host.JoinMemoryGroup(); err != nil {
		env.Log.Info("no memory cgroup could be made, memory is measured as PSS", "reason", err)
	}
	env.Cores, env.shared = runtime.NumCPU(), sh
	return &env, nil
}

// close leaves nothing of the run on the host but the records. The backends are closed
// before.
func (e *Env) close() error {
	var errs []error
	for _, s := range e.shared.servers {
		errs = append(errs, s.Close())
	}
	errs = append(errs, e.Memory.Leave(), os.RemoveAll(e.shared.dir))
	return errors.Join(errs...)
}

// forTrial is the environment of one trial on a backend.
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

// Population returns m unique functions of a kind, in the trial's language. All trials of
// a run share them: their code is the same for every backend.
func (e *Env) Population(kind workloads.Kind, m int) (*workloads.Population, error) {
	language := string(e.Interpreter.Language)
	key := language + "/" + string(kind)
	p, ok := e.shared.populations[key]
	if !ok {
		var err error
		if p, err = workloads.NewPopulation(filepath.Join(e.shared.dir, language, string(kind)), language,
			kind); err != nil {
			return nil, err
		}
		e.shared.populations[key] = p
	}
	return p, p.Grow(m)
}

// hosted is a backend whose functions see the host at an address of its own, as
// containers on a bridge do. An *isolation.Unavailable says why they do not see it.
type hosted interface {
	HostAddress(ctx context.Context) (string, error)
}

// WaitURL is the address that a function calls in order to wait for delay. The function
// sees the host at the address that the suite gives, else at the backend's own, else at
// the one that the server listens on.
func (e *Env) WaitURL(ctx context.Context, delay time.Duration) (string, error) {
	sh, name := e.shared, e.Backend.Name()
	listen, host := sh.network.Listen, sh.network.host(name)
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

// offline tells why the functions of a backend do not reach this host; "" where they do,
// or where only a trial can tell.
func (n Network) offline(ctx context.Context, b isolation.Backend) string {
	h, ok := b.(hosted)
	if !ok || n.host(b.Name()) != "" {
		return ""
	}
	_, err := h.HostAddress(ctx)
	var u *isolation.Unavailable
	if !errors.As(err, &u) {
		return ""
	}
	return u.Error()
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

// allow lists what functions may reach, as host:port: the server that they wait for.
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
