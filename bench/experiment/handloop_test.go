package experiment

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/lambdabench/lambdabench/analysis/record"
	"github.com/lambdabench/lambdabench/bench"
	"github.com/lambdabench/lambdabench/platform/worker"
	"github.com/lambdabench/lambdabench/runtime/backends"
	"github.com/lambdabench/lambdabench/runtime/isolation"
	"github.com/lambdabench/lambdabench/runtime/runtimetest"
	"github.com/lambdabench/lambdabench/workloads"
)

// BenchmarkThroughputAndALoopByHand measures what experiment throughput reports and what a
// loop over full caches gives that shares no code with the experiment, in turns, at M that
// the platform can keep. It reports the medians and that of the ratios.
//
//	go test -run '^$' -bench LoopByHand -benchtime 6x ./bench/experiment
func BenchmarkThroughputAndALoopByHand(b *testing.B) {
	const clients, instances = 8, 32
	in := runtimetest.Interpreter(b, isolation.NodeJS)
	for _, name := range []string{"process", "container/runc", "unikernel"} {
		for _, m := range []int{8, 16, 32} {
			b.Run(fmt.Sprintf("%s/M=%d", name, m), func(b *testing.B) {
				var by, hand, ratio []float64
				for b.Loop() {
					x := measured(b, name, in, m, clients, instances)
					y := byHand(b, name, in, m, clients, instances)
					by, hand, ratio = append(by, x), append(hand, y), append(ratio, x/y)
				}
				b.ReportMetric(middle(by), "experiment/s")
				b.ReportMetric(middle(hand), "by-hand/s")
				b.ReportMetric(middle(ratio), "ratio")
			})
		}
	}
}

// handWindow is the time for which either side counts.
const handWindow = 3 * time.Second

func middle(v []float64) float64 {
	slices.Sort(v)
	return v[len(v)/2]
}

// backend opens a backend; the benchmark is skipped where this host cannot run it.
func backend(b *testing.B, name string) isolation.Backend {
	be, err := backends.ByName(backends.Config{}, name)
	if err != nil {
		b.Fatal(err)
	}
	if err := be.Probe(b.Context()); err != nil {
		be.Close()
		b.Skip(err)
	}
	return be
}

// measured is the throughput in the record of a trial.
func measured(b *testing.B, name string, in isolation.Interpreter, m, clients, instances int) (rate float64) {
	su, err := bench.ParseSuite("hand.yaml", fmt.Appendf(nil, `suite: hand
settle: {busy: 1, wait: 1ms}
backends: [%s]
runtimes: [%s]
experiments:
  throughput: {functions: [%d], clients: %d, instances: %d, window: %v, budget: 2m}
`, name, in.Runtime, m, clients, instances, handWindow), All)
	if err != nil {
		b.Fatal(err)
	}
	dir := b.TempDir()
	r := bench.Runner{Open: func([]string) []isolation.Backend { return []isolation.Backend{backend(b, name)} }}
	if err := r.Run(b.Context(), su, dir); err != nil {
		b.Fatal(err)
	}
	files, err := record.Files(dir)
	if err != nil {
		b.Fatal(err)
	}
	for _, f := range files {
		if err := record.Read(f, func(record.Invocation) {}, func(q record.Measurement) {
			if q.Metric == record.MetricThroughput {
				rate = q.Value
			}
			if q.Metric == record.MetricHotShare {
				b.ReportMetric(q.Value, "hot-share")
			}
		}); err != nil {
			b.Fatal(err)
		}
	}
	return rate
}

// byHand fills a worker's caches, goes on until they give no more, and counts replies.
func byHand(b *testing.B, name string, in isolation.Interpreter, m, clients, instances int) float64 {
	be := backend(b, name)
	defer be.Close()
	w, err := worker.New(worker.Config{Idle: worker.Cache{Count: instances}, Sandboxes: instances,
		Capture: worker.CaptureInline}, be, []isolation.Interpreter{in})
	if err != nil {
		b.Fatal(err)
	}
	defer w.Close()
	if err := w.Ready(b.Context()); err != nil {
		b.Fatal(err)
	}
	pop, err := workloads.NewPopulation(filepath.Join(b.TempDir(), "functions"), string(in.Language), workloads.NOP)
	if err == nil {
		err = pop.Grow(m)
	}
	if err != nil {
		b.Fatal(err)
	}
	call := func(i int) error {
		fn := isolation.Function{Name: pop.Name(i), Version: "1", Handler: workloads.Handler, Package: pop.Package(i),
			Limits: isolation.Limits{MemoryBytes: 128 << 20}}
		res, err := w.Invoke(context.Background(), worker.Request{Runtime: in.Runtime, Function: fn, Revision: "1",
			Timeout: time.Minute, Invocation: isolation.Invocation{ID: strconv.Itoa(i), Payload: []byte("{}")}})
		if err != nil {
			return err
		}
		return pop.Check(i, res.Payload)
	}
	for i := range m {
		if err := call(i); err != nil {
			b.Fatal(err)
		}
	}
	var done, calls atomic.Int64
	var stop atomic.Bool
	order := workloads.Order(m, max(m, 4096), 7)
	var g errgroup.Group
	for range clients {
		g.Go(func() error {
			for !stop.Load() {
				if err := call(int(order[int(calls.Add(1))%len(order)])); err != nil {
					return err
				}
				done.Add(1)
			}
			return nil
		})
	}
	time.Sleep(handWindow) // the loop's own warm-up
	before, start := done.Load(), time.Now()
	time.Sleep(handWindow)
	rate := float64(done.Load()-before) / time.Since(start).Seconds()
	stop.Store(true)
	if err := g.Wait(); err != nil {
		b.Fatal(err)
	}
	return rate
}
