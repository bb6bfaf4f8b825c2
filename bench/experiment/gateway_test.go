package experiment

import (
	"context"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/lambdabench/lambdabench/platform/gateway"
	"github.com/lambdabench/lambdabench/platform/store"
	"github.com/lambdabench/lambdabench/runtime/isolation"
	"github.com/lambdabench/lambdabench/workloads"
)

func nops(t testing.TB, n int) Functions {
	t.Helper()
	p, err := workloads.NewPopulation(t.TempDir(), string(isolation.NodeJS), workloads.NOP)
	if err != nil {
		t.Fatal(err)
	}
	return Functions{Population: p, Count: n, Timeout: time.Second, Memory: 128 << 20}
}

func TestEveryFunctionOfAPopulationIsCreatedWithItsOwnCode(t *testing.T) {
	f := nops(t, maxCreations+3)
	s, err := store.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := create(t.Context(), s.Of(gateway.Owner("")), "nodejs20.x", f); err != nil {
		t.Fatal(err)
	}
	if all, _ := s.Of(gateway.Owner("")).List("", 2*f.Count); len(all) != f.Count {
		t.Errorf("%d functions of %d are there", len(all), f.Count)
	}
	codes := map[string]bool{}
	for i := range f.Count {
		fn, err := s.Of(gateway.Owner("")).Get(f.Population.Name(i), "")
		if err != nil {
			t.Fatal(err)
		}
		if codes[fn.CodeSHA256] || fn.MemoryMB != 128 || fn.Timeout != time.Second {
			t.Errorf("function %d is %+v", i, fn)
		}
		codes[fn.CodeSHA256] = true
	}
	ended, end := context.WithCancel(t.Context())
	end()
	if err := create(ended, s.Of(gateway.Owner("")), "nodejs20.x", f); !errors.Is(err, context.Canceled) {
		t.Errorf("creation goes on after its context ended: %v", err)
	}
}

// BenchmarkCreateFunctions makes a population known to a platform, as every
// trial through the gateway does before its first call.
func BenchmarkCreateFunctions(b *testing.B) {
	f := nops(b, 2000)
	made := 0
	for b.Loop() {
		s, err := store.Open(filepath.Join(b.TempDir(), "data"))
		if err != nil {
			b.Fatal(err)
		}
		if err := create(b.Context(), s.Of(gateway.Owner("")), "nodejs20.x", f); err != nil {
			b.Fatal(err)
		}
		if err := s.Close(); err != nil {
			b.Fatal(err)
		}
		made += f.Count
	}
	b.ReportMetric(float64(made)/b.Elapsed().Seconds(), "functions/s")
}
