package worker

import (
	"context"
	"os"
	"path/filepath"
	goruntime "runtime"
	"slices"
	"testing"
	"time"

	"github.com/lambdabench/lambdabench/runtime"
	"github.com/lambdabench/lambdabench/runtime/process"
)

func heap() int64 {
	goruntime.GC()
	goruntime.GC()
	var m goruntime.MemStats
	goruntime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// BenchmarkHotOverhead is what the worker itself takes: the sandbox answers at
// once.
func BenchmarkHotOverhead(b *testing.B) {
	w := start(b, Config{}, newFake(b))
	req := request("a")
	ctx := context.Background()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := w.Invoke(ctx, req); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkHotOverheadParallel has all processors at the worker's one lock.
func BenchmarkHotOverheadParallel(b *testing.B) {
	w := start(b, Config{}, newFake(b))
	b.RunParallel(func(pb *testing.PB) {
		ctx := context.Background()
		for pb.Next() {
			if _, err := w.Invoke(ctx, request("a")); err != nil {
				b.Error(err)
			}
		}
	})
}

// BenchmarkHotProcess compares a hot NOP in a Node.js process through the worker
// with one on the bare sandbox, in turns, so that both see the same machine.
func BenchmarkHotProcess(b *testing.B) {
	ctx := context.Background()
	in := interpreter(b, runtime.NodeJS)
	backend := process.New(process.Config{})
	defer backend.Close()
	fn := runtime.Function{Name: "nop", Handler: "index.handler", Package: b.TempDir()}
	if err := os.WriteFile(filepath.Join(fn.Package, "index.js"), []byte("exports.handler = async () => null"), 0o644); err != nil {
		b.Fatal(err)
	}
	sb, err := backend.Boot(ctx, runtime.BootSpec{Interpreter: in})
	if err != nil {
		b.Fatal(err)
	}
	defer sb.Close()
	if err := sb.Import(ctx, fn); err != nil {
		b.Fatal(err)
	}
	w, err := New(Config{}, backend, []runtime.Interpreter{in})
	if err != nil {
		b.Fatal(err)
	}
	defer w.Close()
	inv := runtime.Invocation{ID: "7b1b4b2e-6c7f-4a6e-9d3a-0f6f0a5b8d11", Payload: []byte("{}")}
	req := Request{Runtime: in.Runtime, Function: fn, Invocation: inv}
	bare, through := make([]time.Duration, 0, b.N), make([]time.Duration, 0, b.N)
	for b.Loop() {
		begin := time.Now()
		inv.Deadline = begin.Add(3 * time.Second)
		if res, err := sb.Invoke(ctx, inv); err != nil || res.Outcome != runtime.OK {
			b.Fatal(res, err)
		}
		middle := time.Now()
		if res, err := w.Invoke(ctx, req); err != nil || res.Outcome != runtime.OK {
			b.Fatal(res, err)
		}
		bare, through = append(bare, middle.Sub(begin)), append(through, time.Since(middle))
	}
	b.ReportMetric(float64(median(bare).Nanoseconds()), "bare-p50-ns")
	b.ReportMetric(float64(median(through).Nanoseconds()), "worker-p50-ns")
	b.ReportMetric(float64((median(through) - median(bare)).Nanoseconds()), "overhead-p50-ns")
}

func median(d []time.Duration) time.Duration {
	slices.Sort(d)
	return d[len(d)/2]
}
