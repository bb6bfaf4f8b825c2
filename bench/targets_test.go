package bench

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"

	"github.com/lambdabench/lambdabench/runtime/isolation"
	"github.com/lambdabench/lambdabench/runtime/process"
)

// picky is a process backend that boots one language alone.
type picky struct {
	*process.Backend
	lang isolation.Language
}

func (p picky) Boot(ctx context.Context, spec isolation.BootSpec) (isolation.Sandbox, error) {
	if spec.Interpreter.Language != p.lang {
		return nil, errors.New("no externalized builtin")
	}
	return p.Backend.Boot(ctx, spec)
}

func TestRunTakesTheInterpretersThatABackendWorksWith(t *testing.T) {
	if len(isolation.Interpreters(t.Context())) < 2 {
		t.Skip("Node.js 18+ and CPython 3.11+ are not both installed")
	}
	b := picky{process.New(process.Config{}), isolation.Python}
	defer b.Close()
	if err := b.Probe(t.Context()); err != nil {
		t.Skip(err)
	}
	version := isolation.Interpreters(t.Context())[0].Runtime
	for _, in := range isolation.Interpreters(t.Context()) {
		if in.Language == isolation.NodeJS {
			version = in.Runtime
			break
		}
	}
	everything, named := Names{All: true}, Names{List: []string{"process"}}
	for _, c := range []struct {
		name               string
		backends, runtimes Names
		want               string // the runtimes' language, or the error
	}{
		{"everything", everything, everything, "python"},
		{"a backend by name", named, everything, "python"},
		{"a runtime by name", everything, Names{List: []string{"nodejs"}}, "no externalized builtin"},
		{"a runtime by two names", everything, Names{List: []string{"nodejs", version}}, "both " + version},
		{"both by name", named, Names{List: []string{"nodejs", "python"}}, "boot nodejs"},
	} {
		targets, err := finder{suite: &Suite{Backends: c.backends, Runtimes: c.runtimes},
			log: slog.New(slog.DiscardHandler)}.targets(t.Context(), backendList{b})
		switch {
		case c.want != "python":
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s: %+v, %v", c.name, targets, err)
			}
		case err != nil || len(targets) != 1 || targets[0].Interpreter.Language != isolation.Python:
			t.Errorf("%s: %+v, %v", c.name, targets, err)
		}
	}
}
