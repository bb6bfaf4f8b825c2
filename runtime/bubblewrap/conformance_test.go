package bubblewrap

import (
	"testing"

	"github.com/lambdabench/lambdabench/runtime/conformance"
	"github.com/lambdabench/lambdabench/runtime/isolation"
)

func create(testing.TB) isolation.Backend { return New(Config{}) }

func TestConformance(t *testing.T) { conformance.Run(t, create) }

func BenchmarkBackend(b *testing.B) { conformance.Benchmark(b, create) }
