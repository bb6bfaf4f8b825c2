package main

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/lambdabench/lambdabench/runtime"
	"github.com/lambdabench/lambdabench/runtime/container"
	"github.com/lambdabench/lambdabench/runtime/unikernel"
)

func TestDoctorTracesSystemCallsOfUCs(t *testing.T) {
	var lacks *runtime.Unavailable
	if err := unikernel.New(unikernel.Config{}).Probe(t.Context()); errors.As(err, &lacks) {
		t.Skip(err)
	}
	code, stdout, stderr := command(t, "doctor", "--uc-trace")
	if code != exitOK {
		t.Fatalf("exit code %d: %s", code, stderr)
	}
	for _, in := range runtime.Interpreters(t.Context()) {
		if !strings.Contains(stdout, in.Runtime) {
			t.Errorf("nothing on %s in:\n%s", in.Runtime, stdout)
		}
	}
	if !strings.Contains(stdout, "  openat") {
		t.Errorf("no call of a runtime that starts in:\n%s", stdout)
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

// crowded is a backend of which a host bears few sandboxes.
type crowded struct {
	runtime.Backend
	bounds []runtime.Bound
}

func (crowded) Footprint() int64          { return 2 << 20 }
func (c crowded) Bounds() []runtime.Bound { return c.bounds }

func TestDoctorWarnsOfBoundsBelowWhatMemoryHolds(t *testing.T) {
	few := runtime.Bound{Sandboxes: 500, By: "kernel.pid_max is 1024", Remedy: "sysctl -w kernel.pid_max=4194304"}
	for name, c := range map[string]struct {
		bound runtime.Bound
		want  []string
	}{
		"few":        {few, []string{"at most 500 sandboxes, where memory holds 2048 idle ones: kernel.pid_max is 1024; sysctl -w kernel.pid_max=4194304"}},
		"many":       {runtime.Bound{Sandboxes: 2048, By: "kernel.pid_max is 32768", Remedy: "raise it"}, nil},
		"configured": {runtime.Bound{Sandboxes: 7, By: "configured"}, nil},
	} {
		if got := bindingBounds(crowded{bounds: []runtime.Bound{c.bound}}, 4<<30); !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}
