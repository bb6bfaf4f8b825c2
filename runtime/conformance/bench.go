package conformance

import (
	"context"
	"testing"
	"time"

	"github.com/lambdabench/lambdabench/runtime/isolation"
)

// Benchmark times the stages on the backend that create makes, for every
// interpreter: boot, import (a booted sandbox to a handler), hot (an event to
// its reply), deploy where the backend takes snapshots.
func Benchmark(b *testing.B, create func(t testing.TB) isolation.Backend) {
	backend := create(b)
	b.Cleanup(func() { backend.Close() })
	if err := backend.Probe(context.Background()); err != nil {
		b.Skip(err)
	}
	for _, in := range isolation.Interpreters(context.Background()) {
		s := &suite{backend: backend, in: in, packages: unpackFunctions(b, in.Language)}
		b.Run(in.Runtime+"/boot", s.benchBoot)
		b.Run(in.Runtime+"/import", s.benchImport)
		b.Run(in.Runtime+"/hot", s.benchHot)
		b.Run(in.Runtime+"/deploy", s.benchDeploy)
	}
}

func (s *suite) benchBoot(b *testing.B) {
	for b.Loop() {
		sb, err := s.backend.Boot(b.Context(), isolation.BootSpec{Interpreter: s.in})
		if err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		sb.Close()
		b.StartTimer()
	}
}

func (s *suite) benchImport(b *testing.B) {
	for b.Loop() {
		b.StopTimer()
		sb, err := s.backend.Boot(b.Context(), isolation.BootSpec{Interpreter: s.in})
		if err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
		if err := sb.Import(b.Context(), s.function("nop.handler")); err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		sb.Close()
		b.StartTimer()
	}
}

func (s *suite) benchHot(b *testing.B) {
	benchInvoke(b, s.load(b, s.function("nop.handler")))
}

func benchInvoke(b *testing.B, sb isolation.Sandbox) {
	for b.Loop() {
		res, err := sb.Invoke(b.Context(), invocation("{}", 5*time.Second))
		if err != nil || res.Outcome != isolation.OK {
			b.Fatalf("invoke: %+v, %v", res, err)
		}
	}
}

func (s *suite) benchDeploy(b *testing.B) {
	snapper := s.snapshotter(b)
	snap := capture(b, snapper, s.load(b, s.function("nop.handler")))
	for b.Loop() {
		sb, err := snapper.Deploy(b.Context(), snap, isolation.DeploySpec{})
		if err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		sb.Close()
		b.StartTimer()
	}
}
