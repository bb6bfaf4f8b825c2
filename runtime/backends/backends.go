// Package backends lists the isolation backends: the one place that knows all
// of them. A new backend is one line in [All].
//
//	b, err := backends.ByName(backends.Config{Dir: dir}, "process")
//	if err != nil { … }
//	defer b.Close()
package backends

import (
	"fmt"
	"log/slog"
	"strings"

	"github.com/lambdabench/lambdabench/runtime"
	"github.com/lambdabench/lambdabench/runtime/container"
	"github.com/lambdabench/lambdabench/runtime/process"
	"github.com/lambdabench/lambdabench/runtime/unikernel"
)

// Config of the backends; the zero value works.
type Config struct {
	Dir     string            // for what backends keep on disk; the system's temporary directory by default
	Network container.Network // of containers: bridge for root by default
	Allow   []string          // what functions may reach where a backend decides that: "host:port", nothing by default
	Log     *slog.Logger      // told of helper processes that are lost and replaced; nil: nobody
}

// All is every backend, whether this host can run it or not: ask its Probe.
// Nothing is touched before a backend's first use; each must be closed.
func All(cfg Config) []runtime.Backend {
	all := []runtime.Backend{process.New(process.Config{Dir: cfg.Dir})}
	for _, family := range container.Families() {
		all = append(all, container.New(container.Config{OCI: family, Dir: cfg.Dir, Network: cfg.Network}))
	}
	return append(all,
		unikernel.New(unikernel.Config{Dir: cfg.Dir, Allow: cfg.Allow, Log: cfg.Log}),
	)
}

// ByName returns one backend. An unknown name is an error that lists those
// that exist.
func ByName(cfg Config, name string) (runtime.Backend, error) {
	all := All(cfg)
	names := make([]string, len(all))
	var found runtime.Backend
	for i, b := range all {
		names[i] = b.Name()
		if b.Name() == name && found == nil {
			found = b
			continue
		}
		if err := b.Close(); err != nil {
			return nil, fmt.Errorf("close unused backend %s: %w", b.Name(), err)
		}
	}
	if found == nil {
		return nil, fmt.Errorf("no backend is called %q (there are: %s)", name, strings.Join(names, ", "))
	}
	return found, nil
}
