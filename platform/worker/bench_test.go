package worker

import (
	"context"
	"runtime"
	"testing"
	"time"

	"github.com/lambdabench/lambdabench/runtime/isolation"
	"github.com/lambdabench/lambdabench/runtime/process"
	"github.com/lambdabench/lambdabench/runtime/runtimetest"
)

func heapInUse() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
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
	in := runtimetest.Interpreter(b, isolation.NodeJS)
	backend := process.New(process.Config{})
	defer backend.Close()
	fn := runtimetest.Function(b, isolation.NodeJS, "exports.handler = async () => null")
	sb, err := backend.Boot(ctx, isolation.BootSpec{Interpreter: in})
	if err != nil {
		b.Fatal(err)
	}
	defer sb.Close()
	if err := sb.Import(ctx, fn); err != nil {
		b.Fatal(err)
	}
	w, err := New(Config{}, backend, []isolation.Interpreter{in})
	if err != nil {
		b.Fatal(err)
	}
	defer w.Close()
	inv := isolation.Invocation{ID: "7b1b4b2e-6c7f-4a6e-9d3a-0f6f0a5b8d11", Payload: []byte("{}")}
	req := Request{Runtime: in.Runtime, Function: fn, Invocation: inv}
	bare := func() error {
		inv.Deadline = time.Now().Add(3 * time.Second)
		return failed(sb.Invoke(ctx, inv))
	}
	runtimetest.InTurns(b, bare, func() error {
		res, err := w.Invoke(ctx, req)
		return failed(res.Result, err)
	})
}

func failed(res isolation.Result, err error) error {
	if err == nil && res.Outcome != isolation.OK {
		err = res.Error
	}
	return err
}
