package process

import (
	"testing"

	"github.com/lambdabench/lambdabench/runtime"
	"github.com/lambdabench/lambdabench/runtime/conformance"
)

func create(testing.TB) runtime.Backend { return New(Config{}) }

func TestConformance(t *testing.T) { conformance.Run(t, create) }

func BenchmarkBackend(b *testing.B) { conformance.Benchmark(b, create) }
