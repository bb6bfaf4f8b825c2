package worker

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/lambdabench/lambdabench/runtime/isolation"
)

func TestProcessorsAreInProportionToMemoryWhereThatIsConfigured(t *testing.T) {
	const lambda = 1769 << 20
	for name, c := range map[string]struct {
		per    Bytes
		limits isolation.Limits
		want   float64
	}{
		"off":                         {0, isolation.Limits{MemoryBytes: lambda}, 0},
		"one processor":               {lambda, isolation.Limits{MemoryBytes: lambda}, 1},
		"half of one":                 {lambda, isolation.Limits{MemoryBytes: lambda / 2}, 0.5},
		"more than one":               {lambda, isolation.Limits{MemoryBytes: 3 * lambda}, 3},
		"a function without a memory": {1 << 30, isolation.Limits{}, 0.125},
		"a request that states it":    {lambda, isolation.Limits{MemoryBytes: lambda, CPUs: 0.25}, 0.25},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake(t)
			var got isolation.Limits
			f.onImport = func(_ context.Context, fn isolation.Function) error { got = fn.Limits; return nil }
			w := start(t, Config{MemoryPerCPU: c.per}, f)
			req := request("a")
			req.Function.Limits = c.limits
			if _, err := w.Invoke(t.Context(), req); err != nil {
				t.Fatal(err)
			}
			if got.CPUs != c.want {
				t.Errorf("%v processors, want %v", got.CPUs, c.want)
			}
		})
	}
}

// unlimiting is a backend on a host that does not let it limit CPU.
type unlimiting struct{ *fake }

func (unlimiting) CanLimit(l isolation.Limits) error {
	if l.CPUs > 0 {
		return &isolation.Unavailable{Backend: "fake", Lacks: "no cpu controller", Remedy: "mount one"}
	}
	return nil
}

func TestABackendThatCannotLimitCPUIsRefusedWhereThatIsConfigured(t *testing.T) {
	w, err := New(Config{MemoryPerCPU: 1769 << 20}, unlimiting{newFake(t)}, []isolation.Interpreter{node})
	var lacks *isolation.Unavailable
	if !errors.As(err, &lacks) {
		w.Close()
		t.Fatalf("it is taken: %v", err)
	}
	for _, part := range []string{"memory_per_cpu is 1.7 GiB", "no cpu controller", "mount one",
		"leave memory_per_cpu out"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q is not in: %v", part, err)
		}
	}
	w, err = New(Config{}, unlimiting{newFake(t)}, []isolation.Interpreter{node})
	if err != nil {
		t.Fatalf("without the setting: %v", err)
	}
	w.Close()
}
