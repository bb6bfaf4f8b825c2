package platform

import (
	"context"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"github.com/lambdabench/lambdabench/runtime/isolation"
	"github.com/lambdabench/lambdabench/runtime/process"
	"github.com/lambdabench/lambdabench/runtime/runtimetest"
)

// watched is a backend whose boots are written down, and that limits memory
// alone, so that the test needs no cgroups.
type watched struct {
	isolation.Backend

	mu    sync.Mutex
	boots []isolation.Limits
}

func (w *watched) Boot(ctx context.Context, spec isolation.BootSpec) (isolation.Sandbox, error) {
	w.mu.Lock()
	w.boots = append(w.boots, spec.Limits)
	w.mu.Unlock()
	spec.Limits.CPUs = 0
	sb, err := w.Backend.Boot(ctx, spec)
	return unlimited{sb}, err
}

type unlimited struct{ isolation.Sandbox }

func (u unlimited) Import(ctx context.Context, fn isolation.Function) error {
	fn.Limits.CPUs = 0
	return u.Sandbox.Import(ctx, fn)
}

func TestMemorySizeGivesProcessorsAsTheConfigurationSays(t *testing.T) {
	in := runtimetest.Interpreter(t, isolation.NodeJS)
	for settings, want := range map[string]float64{
		"":                                  0,
		"worker: {memory_per_cpu: 1769MiB}": 512. / 1769,
	} {
		cfg, err := read(t, settings)
		if err != nil {
			t.Fatal(err)
		}
		dir := dataDir(t)
		cfg.Data = dataDir(t)
		backend := &watched{Backend: process.New(process.Config{Dir: dir})}
		r := serveOn(t, cfg, backend, dir)
		create(t, r.Client, in, "f", sources[in.Language].nop, func(c *lambda.CreateFunctionInput) {
			c.MemorySize = aws.Int32(512)
		})
		invoke(t, r.Client, "f", "{}")
		backend.mu.Lock()
		got := backend.boots
		backend.mu.Unlock()
		if len(got) != 1 || got[0].CPUs != want || got[0].MemoryBytes != 512<<20 {
			t.Errorf("%q: sandboxes with %+v, want %v processors", settings, got, want)
		}
	}
}
