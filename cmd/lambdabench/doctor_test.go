package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/lambdabench/lambdabench/runtime/container"
	"github.com/lambdabench/lambdabench/runtime/isolation"
	"github.com/lambdabench/lambdabench/runtime/runtimetest"
	"github.com/lambdabench/lambdabench/runtime/trial"
	"github.com/lambdabench/lambdabench/runtime/unikernel"
)

func TestDoctorTracesSystemCallsOfUCs(t *testing.T) {
	var lacks *isolation.Unavailable
	if err := unikernel.New(unikernel.Config{}).Probe(t.Context()); errors.As(err, &lacks) {
		t.Skip(err)
	}
	code, stdout, stderr := command(t, "doctor", "--uc-trace")
	if code != exitOK {
		t.Fatalf("exit code %d: %s", code, stderr)
	}
	for _, in := range isolation.Interpreters(t.Context()) {
		if !strings.Contains(stdout, in.Runtime) {
			t.Errorf("nothing on %s in:\n%s", in.Runtime, stdout)
		}
	}
	if !strings.Contains(stdout, "  openat") {
		t.Errorf("no call of a runtime that starts in:\n%s", stdout)
	}
}

func TestDoctorSaysWhichInterpreterABackendFailsWithAndAtWhichStep(t *testing.T) {
	node, python := isolation.Interpreter{Runtime: "nodejs18.x"}, isolation.Interpreter{Runtime: "python3.11"}
	refused := &isolation.Unavailable{Backend: "unikernel", Lacks: "no process may be read", Remedy: "sysctl x=1"}
	failed := func(in isolation.Interpreter, step trial.Step) trial.Verdict {
		return trial.Verdict{Interpreter: in, Err: &trial.Failure{Runtime: in.Runtime, Step: step,
			Err: fmt.Errorf("wrapped: %w", refused)}}
	}
	for _, c := range []struct {
		name     string
		verdicts []trial.Verdict
		probe    error
		lines    []string
		works    bool
	}{
		{"all work", []trial.Verdict{{Interpreter: node}, {Interpreter: python}}, nil, []string{"usable"}, true},
		{"one works", []trial.Verdict{failed(node, trial.Boot), {Interpreter: python}}, nil,
			[]string{"usable for python3.11 only", "nodejs18.x: boot: no process may be read; sysctl x=1"}, true},
		{"none works", []trial.Verdict{failed(node, trial.Boot), failed(python, trial.Capture)}, nil,
			[]string{"not usable: nodejs18.x: boot: no process may be read; sysctl x=1",
				"python3.11: capture: no process may be read; sysctl x=1"}, false},
		{"the probe fails", nil, refused, []string{"not usable: no process may be read; sysctl x=1"}, false},
		{"nothing to try it with", nil, nil, []string{"not usable: there is no interpreter to try it with"}, false},
	} {
		if lines, works := verdictOn(c.verdicts, c.probe); !slices.Equal(lines, c.lines) || works != c.works {
			t.Errorf("%s: %q, works: %v", c.name, lines, works)
		}
	}
}

func TestDoctorEndsWhenItIsInterrupted(t *testing.T) {
	cmd := prepared("doctor")
	runtimetest.Child(t, cmd)
	interrupt(t, cmd)
	if code := cmd.ProcessState.ExitCode(); code != exitFailed {
		t.Errorf("exit code %d", code)
	}
}

// TestDoctorsRemedyForBridgesIsAFlagThatItHas follows the advice.
func TestDoctorsRemedyForBridgesIsAFlagThatItHas(t *testing.T) {
	warnings := bindingBounds(container.New(container.Config{Network: container.NetworkBridge}), 1<<50)
	i := slices.IndexFunc(warnings, func(w string) bool { return strings.Contains(w, "bridge") })
	if i < 0 {
		t.Fatalf("no warning of the bridge in %q", warnings)
	}
	_, advice, _ := strings.Cut(strings.TrimSuffix(warnings[i], ")"), "(")
	for _, name := range []string{"doctor", "serve", "run", "mpsc"} {
		cmd, _, err := rootCommand().Find([]string{name})
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.ParseFlags(strings.Fields(advice)); err != nil {
			t.Errorf("%s %s: %v", name, advice, err)
		}
	}
	none := backendFlags{network: container.NetworkNone}
	all, closeAll := none.open()
	defer closeAll()
	for _, b := range all {
		for _, w := range bindingBounds(b, 1<<50) {
			if strings.Contains(w, "bridge") {
				t.Errorf("%s after the advice was taken: %s", b.Name(), w)
			}
		}
	}
}

// programs is a backend that runs a program of the host.
type programs struct {
	isolation.Backend
	path string
	lack error
}

func (p programs) Program() (string, error)              { return p.path, p.lack }
func (programs) Version(context.Context) (string, error) { return "runsc 1", nil }

func TestDoctorNamesTheProgramOfABackendAndWhereItIs(t *testing.T) {
	for name, c := range map[string]struct {
		backend isolation.Backend
		want    []string
	}{
		"there":   {programs{path: "/opt/runsc"}, []string{"runsc 1, /opt/runsc"}},
		"missing": {programs{lack: errors.New("no runsc")}, nil},
		"none":    {bounded{}, nil},
	} {
		if got := identity(t.Context(), c.backend); !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

// bounded is a backend of which a host bears few sandboxes.
type bounded struct {
	isolation.Backend
	bounds []isolation.Bound
}

func (bounded) Footprint() int64            { return 2 << 20 }
func (c bounded) Bounds() []isolation.Bound { return c.bounds }

func TestDoctorWarnsOfBoundsBelowWhatMemoryHolds(t *testing.T) {
	few := isolation.Bound{Sandboxes: 500, By: "kernel.pid_max is 1024", Remedy: "sysctl -w kernel.pid_max=4194304"}
	for name, c := range map[string]struct {
		bound isolation.Bound
		want  []string
	}{
		"few": {few,
			[]string{"at most 500 sandboxes, where memory holds 2048 idle ones: kernel.pid_max is 1024; sysctl " +
				"-w kernel.pid_max=4194304"}},
		"many":       {isolation.Bound{Sandboxes: 2048, By: "kernel.pid_max is 32768", Remedy: "raise it"}, nil},
		"configured": {isolation.Bound{Sandboxes: 7, By: "configured"}, nil},
	} {
		if got := bindingBounds(bounded{bounds: []isolation.Bound{c.bound}}, 4<<30); !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}
