package container

import (
	"testing"

	"github.com/lambdabench/lambdabench/runtime/conformance"
	"github.com/lambdabench/lambdabench/runtime/isolation"
)

// create makes a backend with directories of the test's own; images are shared.
func create(family string, cfg Config) func(testing.TB) isolation.Backend {
	return func(t testing.TB) isolation.Backend {
		cfg.OCI = family
		return New(cfg)
	}
}

func TestConformance(t *testing.T) {
	for _, family := range Families() {
		t.Run(family, func(t *testing.T) { conformance.Run(t, create(family, Config{})) })
	}
}

func BenchmarkBackend(b *testing.B) {
	for _, family := range Families() {
		b.Run(family, func(b *testing.B) { conformance.Benchmark(b, create(family, Config{})) })
	}
}
