package fidelity

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/lambdabench/lambdabench/runtime/isolation"
	"github.com/lambdabench/lambdabench/runtime/rootfs"
	"github.com/lambdabench/lambdabench/runtime/unikernel/image"
	"github.com/lambdabench/lambdabench/runtime/unikernel/program"
)

// Suite is an interpreter's own test suite on this host.
type Suite struct {
	Name     string
	Units    []string      // modules or files, sorted
	Deadline time.Duration // of a test that says nothing

	interpreter isolation.Interpreter
	trees       []string // what the tests need, at the same place in a UC
	lines       bool     // the program reports its tests line by line
	argv        func(unit string, first int) []string
	forks       func(unit string) bool
}

// env is the environment of every test on either side.
func (s *Suite) env() []string {
	return []string{"PATH=/usr/bin:/bin", "HOME=/tmp", "LANG=C.UTF-8", "LC_ALL=C.UTF-8", "PYTHONDONTWRITEBYTECODE=1"}
}

// Lab runs suites.
type Lab struct {
	Out string // directory of results and of images
}

// Run measures units and compares the sides. Results of earlier runs in Out
// are taken for what they are: remove uc-NAME.jsonl after a change.
func (l Lab) Run(ctx context.Context, s *Suite, units []string, progress func(string)) (Report, error) {
	u, err := l.startUC(ctx, s)
	if err != nil {
		return Report{}, err
	}
	defer u.host.Close() // what is lost with it was measured already
	sides := [2]side{process{dir: os.TempDir()}, u}
	var files [2]string
	var have [2]map[string][]Result
	for i, sd := range sides {
		files[i] = filepath.Join(l.Out, sd.name()+"-"+s.Name+".jsonl")
		if have[i], err = load(files[i]); err != nil {
			return Report{}, err
		}
	}
	var results [2][]Result
	for n, unit := range units {
		var of [2][]Result
		for i, sd := range sides {
			if of[i], err = measure(ctx, s, sd, unit, files[i], have[i]); err != nil {
				return Report{}, err
			}
			results[i] = append(results[i], of[i]...)
		}
		rep := Compare(of[0], of[1])
		progress(fmt.Sprintf("%d/%d %s: %d of %d", n+1, len(units), unit, rep.Passed, rep.Compared))
		for _, lost := range rep.Lost {
			progress(fmt.Sprintf("  %s %s: %s", lost.Outcome, lost.Test, lastLine(lost.Why)))
		}
	}
	return Compare(results[0], results[1]), nil
}

// startUC starts a tender with an image of the interpreter and its tests.
func (l Lab) startUC(ctx context.Context, s *Suite) (uc, error) {
	if err := os.MkdirAll(l.Out, 0o755); err != nil {
		return uc{}, err
	}
	b, err := rootfs.ForInterpreter(ctx, s.interpreter)
	if err != nil {
		return uc{}, err
	}
	image.AddNames(b)
	for _, t := range s.trees {
		if err := b.AddTree(t, nil); err != nil {
			return uc{}, fmt.Errorf("image of the tests: %w", err)
		}
	}
	f, err := image.Cached(filepath.Join(l.Out, "images"), b)
	if err != nil {
		return uc{}, err
	}
	defer f.Close()
	host, err := program.Start(ctx, f)
	return uc{host}, err
}

// interpreter is the host's interpreter of this runtime.
func interpreter(ctx context.Context, name string) (isolation.Interpreter, error) {
	var have []string
	for _, in := range isolation.Interpreters(ctx) {
		if in.Runtime == name {
			return in, nil
		}
		have = append(have, in.Runtime)
	}
	return isolation.Interpreter{}, fmt.Errorf("this host has no %s (it has %s)", name, strings.Join(have, ", "))
}

func lastLine(s string) string {
	lines := strings.Split(strings.TrimSpace(s), "\n")
	return lines[len(lines)-1]
}
