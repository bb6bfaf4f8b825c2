package bench

import (
	"context"
	"errors"
	"fmt"

	"github.com/lambdabench/lambdabench/analysis/record"
	"github.com/lambdabench/lambdabench/bench/host"
	"github.com/lambdabench/lambdabench/runtime/isolation"
)

// backendList is the backends of one run.
type backendList []isolation.Backend

// named returns a backend; nil if there is none of that name.
func (l backendList) named(name string) isolation.Backend {
	for _, b := range l {
		if b.Name() == name {
			return b
		}
	}
	return nil
}

func (l backendList) names() []string {
	var all []string
	for _, b := range l {
		all = append(all, b.Name())
	}
	return all
}

func (l backendList) close() error {
	var errs []error
	for _, b := range l {
		if err := b.Close(); err != nil {
			errs = append(errs, fmt.Errorf("close backend %s: %w", b.Name(), err))
		}
	}
	return errors.Join(errs...)
}

// versioned is a backend that has a version of its own to tell, such as the OCI
// runtime's.
type versioned interface {
	Version(ctx context.Context) (string, error)
}

// describe tells the machine of a run with the interpreters and backends of its targets.
func describe(ctx context.Context, targets []Target, backends backendList) record.Machine {
	m := host.Describe(ctx)
	m.Interpreters, m.Backends = map[string]string{}, map[string]string{}
	for _, t := range targets {
		m.Interpreters[t.Interpreter.Runtime] = t.Interpreter.Version
		m.Backends[t.Backend] = ""
	}
	for _, b := range backends {
		if v, ok := b.(versioned); ok {
			if _, used := m.Backends[b.Name()]; used {
				m.Backends[b.Name()], _ = v.Version(ctx)
			}
		}
	}
	m.NotEnforced = backends.notEnforced(m.Backends)
	return m
}

// notEnforced lists the limits that the used backends cannot enforce on this host, each
// with the reason; nil where all are enforced.
func (l backendList) notEnforced(used map[string]string) map[string]map[string]string {
	var all map[string]map[string]string
	for _, b := range l {
		limiter, ok := b.(isolation.Limiter)
		if _, is := used[b.Name()]; !ok || !is {
			continue
		}
		for name, limit := range map[string]isolation.Limits{
			record.LimitMemory: {MemoryBytes: 128 << 20}, record.LimitProcesses: {Processes: 16},
			record.LimitCPU: {CPUs: 0.5},
		} {
			err := limiter.CanLimit(limit)
			if err == nil {
				continue
			}
			if all == nil {
				all = map[string]map[string]string{}
			}
			if all[b.Name()] == nil {
				all[b.Name()] = map[string]string{}
			}
			all[b.Name()][name] = err.Error()
		}
	}
	return all
}
