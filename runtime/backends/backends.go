// Package backends lists the isolation backends: the one place that knows all
// of them. A new backend is one line in [All].
//
//	b, err := backends.ByName(backends.Config{Dir: dir}, "process")
//	if err != nil { … }
//	defer b.Close()
package backends

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"github.com/lambdabench/lambdabench/runtime/container"
	"github.com/lambdabench/lambdabench/runtime/isolation"
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
func All(cfg Config) []isolation.Backend {
	all := []isolation.Backend{process.New(process.Config{Dir: cfg.Dir})}
	for _, family := range container.Families() {
		all = append(all, container.New(container.Config{OCI: family, Dir: cfg.Dir, Network: cfg.Network}))
	}
	return append(all,
		unikernel.New(unikernel.Config{Dir: cfg.Dir, Allow: cfg.Allow, Log: cfg.Log}),
	)
}

// restricts reports a backend that has no allow list.
func restricts(b isolation.Backend) error {
	switch b.(type) {
	case *unikernel.Backend:
		return nil
	case *process.Backend:
		return fmt.Errorf("network.allow: functions of backend %s have the host's network, whatever is allowed; "+
			"leave it out, or use backend %s", b.Name(), unikernel.Name)
	}
	return fmt.Errorf("network.allow: backend %s has no allow list, its functions reach what --%s says; leave "+
		"it out, or use backend %s", b.Name(), container.NetworkFlag, unikernel.Name)
}

// ByName returns one backend. An unknown name is an error that lists those
// that exist; so is an allow list for a backend that has none.
func ByName(cfg Config, name string) (isolation.Backend, error) {
	all := All(cfg)
	names := make([]string, len(all))
	var found isolation.Backend
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
	if found != nil && len(cfg.Allow) > 0 {
		if err := restricts(found); err != nil {
			return nil, errors.Join(err, found.Close())
		}
	}
	if found == nil {
		return nil, fmt.Errorf("no backend is called %q (there are: %s)", name, strings.Join(names, ", "))
	}
	return found, nil
}
