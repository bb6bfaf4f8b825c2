package fidelity

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/lambdabench/lambdabench/runtime/isolation"
	"github.com/lambdabench/lambdabench/runtime/rootfs"
	"github.com/lambdabench/lambdabench/runtime/unikernel/image"
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

// Lab runs suites: it has what a UC needs.
type Lab struct {
	Out    string // directory of results and of what is built
	Source string // runtime/unikernel of this repository
}

// Run measures units and compares the sides. Results of earlier runs in Out
// are taken for what they are: remove uc-NAME.jsonl after a change.
func (l Lab) Run(ctx context.Context, s *Suite, units []string, progress func(string)) (Report, error) {
	sides, err := l.sides(ctx, s)
	if err != nil {
		return Report{}, err
	}
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

func (l Lab) sides(ctx context.Context, s *Suite) ([2]side, error) {
	if err := os.MkdirAll(l.Out, 0o755); err != nil {
		return [2]side{}, err
	}
	u := uc{boot: filepath.Join(l.Out, "boot"), libos: filepath.Join(l.Source, "csrc", "libos", "libos.elf")}
	cmd := exec.CommandContext(ctx, "gcc", "-O1", "-w", "-static-pie", "-o", u.boot, filepath.Join(l.Source, "csrc", "tender", "boot.c"))
	if out, err := cmd.CombinedOutput(); err != nil {
		return [2]side{}, fmt.Errorf("compile csrc/tender/boot.c: %w\n%s", err, out)
	}
	b, err := rootfs.ForInterpreter(ctx, s.interpreter)
	if err != nil {
		return [2]side{}, err
	}
	image.AddNames(b)
	for _, t := range s.trees {
		if err := b.AddTree(t, nil); err != nil {
			return [2]side{}, fmt.Errorf("image of the tests: %w", err)
		}
	}
	f, err := image.Cached(filepath.Join(l.Out, "images"), b)
	if err != nil {
		return [2]side{}, err
	}
	defer f.Close()
	u.image = f.Name()
	return [2]side{process{dir: os.TempDir()}, u}, nil
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
