package unikernel

import (
	"context"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lambdabench/lambdabench/runtime/isolation"
	"github.com/lambdabench/lambdabench/runtime/runtimetest"
)

// steps are the steps of anticipatory optimisation that benchmarks prepare with.
var steps = []string{isolation.StepInterpreter, isolation.StepPrefetch}

// languages runs a benchmark for each.
func languages(b *testing.B, f func(b *testing.B, lang isolation.Language)) {
	for _, lang := range []isolation.Language{isolation.NodeJS, isolation.Python} {
		b.Run(string(lang), func(b *testing.B) { f(b, lang) })
	}
}

func baseSnapshot(b testing.TB, be *Backend, lang isolation.Language, prepare []string) isolation.Snapshot {
	b.Helper()
	sb, err := be.Boot(context.Background(), isolation.BootSpec{Interpreter: runtimetest.Interpreter(b, lang),
		Prepare: prepare})
	if err != nil {
		b.Fatal(err)
	}
	defer sb.Close()
	snap, err := be.Capture(context.Background(), sb)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { snap.Close() })
	return snap
}

func functionSnapshot(b testing.TB, be *Backend, base isolation.Snapshot, fn isolation.Function) isolation.Snapshot {
	b.Helper()
	sb := deployed(b, be, base)
	defer sb.Close()
	if err := sb.Import(context.Background(), fn); err != nil {
		b.Fatal(err)
	}
	snap, err := be.Capture(context.Background(), sb)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { snap.Close() })
	return snap
}

func deployed(b testing.TB, be *Backend, snap isolation.Snapshot) isolation.Sandbox {
	b.Helper()
	sb, err := be.Deploy(context.Background(), snap, isolation.DeploySpec{})
	if err != nil {
		b.Fatal(err)
	}
	return sb
}

// laps collects the times of stages and reports the median of each.
type laps struct {
	names []string
	times map[string][]time.Duration
	last  time.Time
}

func (l *laps) start() { l.last = time.Now() }

func (l *laps) lap(name string) {
	now := time.Now()
	l.add(name, now.Sub(l.last))
	l.last = time.Now()
}

func (l *laps) add(name string, d time.Duration) {
	if l.times == nil {
		l.times = map[string][]time.Duration{}
	}
	if _, ok := l.times[name]; !ok {
		l.names = append(l.names, name)
	}
	l.times[name] = append(l.times[name], d)
}

func (l *laps) report(b *testing.B) {
	for _, name := range l.names {
		t := l.times[name]
		slices.Sort(t)
		us := func(q float64) float64 { return float64(t[int(q*float64(len(t)-1))].Nanoseconds()) / 1000 }
		b.ReportMetric(us(0.5), name+"-p50-us")
		b.Logf("%-10s n=%d p10 %.0f p50 %.0f p90 %.0f us", name, len(t), us(0.1), us(0.5), us(0.9))
	}
}

func BenchmarkCold(b *testing.B) {
	languages(b, func(b *testing.B, lang isolation.Language) {
		be := newBackend(b, Config{})
		base := baseSnapshot(b, be, lang, steps)
		fn := function(b, lang, nopSource[lang])
		var l laps
		size := int64(0)
		for b.Loop() {
			begin := time.Now()
			l.start()
			sb := deployed(b, be, base)
			l.lap("deploy")
			if err := sb.Import(context.Background(), fn); err != nil {
				b.Fatal(err)
			}
			l.lap("import")
			snap, err := be.Capture(context.Background(), sb)
			if err != nil {
				b.Fatal(err)
			}
			l.lap("capture")
			runtimetest.Invoke(b, sb, "{}")
			l.lap("run")
			l.add("cold", time.Since(begin))
			size = int64(snap.(*snap_).layer.Count()) * 4096
			sb.Close()
			snap.Close()
			l.lap("close")
			time.Sleep(pace)
		}
		l.report(b)
		b.ReportMetric(float64(size), "snapshot-bytes")
	})
}

type snap_ = snap

func BenchmarkWarm(b *testing.B) {
	languages(b, func(b *testing.B, lang isolation.Language) {
		be := newBackend(b, Config{})
		snap := functionSnapshot(b, be, baseSnapshot(b, be, lang, steps), function(b, lang, nopSource[lang]))
		var l laps
		for b.Loop() {
			begin := time.Now()
			l.start()
			sb := deployed(b, be, snap)
			l.lap("deploy")
			runtimetest.Invoke(b, sb, "{}")
			l.lap("run")
			l.add("warm", time.Since(begin))
			runtimetest.Invoke(b, sb, "{}")
			l.lap("second")
			sb.Close()
			l.lap("close")
			time.Sleep(pace)
		}
		l.report(b)
	})
}

func BenchmarkHot(b *testing.B) {
	languages(b, func(b *testing.B, lang isolation.Language) {
		be := newBackend(b, Config{})
		snap := functionSnapshot(b, be, baseSnapshot(b, be, lang, steps), function(b, lang, nopSource[lang]))
		sb := deployed(b, be, snap)
		defer sb.Close()
		var l laps
		for b.Loop() {
			l.start()
			runtimetest.Invoke(b, sb, "{}")
			l.lap("hot")
		}
		l.report(b)
	})
}

// Deploy, answer once, destroy, in as many loops as there are processors.
func BenchmarkDeployAnswerDestroy(b *testing.B) {
	languages(b, func(b *testing.B, lang isolation.Language) {
		be := newBackend(b, Config{})
		snap := functionSnapshot(b, be, baseSnapshot(b, be, lang, steps), function(b, lang, nopSource[lang]))
		b.SetParallelism(1)
		b.ResetTimer()
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				sb := deployed(b, be, snap)
				runtimetest.Invoke(b, sb, "{}")
				sb.Close()
			}
		})
		b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "UCs/s")
	})
}

// Every call of a new function, whose snapshot is kept, in four loops a
// processor; the last 64 UCs stay idle.
func BenchmarkNewFunctions(b *testing.B) {
	languages(b, func(b *testing.B, lang isolation.Language) {
		be := newBackend(b, Config{})
		base := baseSnapshot(b, be, lang, steps)
		fn := function(b, lang, nopSource[lang])
		idle := make(chan isolation.Sandbox, 64)
		var mu sync.Mutex
		var snaps []isolation.Snapshot
		b.SetParallelism(4)
		b.ResetTimer()
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				sb := deployed(b, be, base)
				if err := sb.Import(context.Background(), fn); err != nil {
					b.Error(err)
				}
				snap, err := be.Capture(context.Background(), sb)
				if err != nil {
					b.Error(err)
				}
				runtimetest.Invoke(b, sb, "{}")
				mu.Lock()
				snaps = append(snaps, snap)
				mu.Unlock()
				for kept := false; !kept; {
					select {
					case idle <- sb:
						kept = true
					default:
						(<-idle).Close()
					}
				}
			}
		})
		b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "functions/s")
		close(idle)
		for sb := range idle {
			sb.Close()
		}
		for _, s := range snaps {
			s.Close()
		}
	})
}

// pace is the pause between two trials of a latency, so that the pool of spares
// is full again: latency, not throughput.
const pace = 15 * time.Millisecond

// BenchmarkSystemCall: what a call costs that the libOS answers, against the
// same loop in this host's own Python, in nanoseconds. Python's own share is
// in both.
func BenchmarkSystemCall(b *testing.B) {
	const loop = `
def handler(event, context):
    import os, time
    f = os.getppid
    begin = time.perf_counter_ns()
    for _ in range(20000):
        f()
    return (time.perf_counter_ns() - begin) / 20000
`
	in := runtimetest.Interpreter(b, isolation.Python)
	be := newBackend(b, Config{})
	sb := deployed(b, be, baseSnapshot(b, be, isolation.Python, nil))
	defer sb.Close()
	if err := sb.Import(b.Context(), function(b, isolation.Python, loop)); err != nil {
		b.Fatal(err)
	}
	var inside, outside []float64
	number := func(text []byte) float64 {
		v, err := strconv.ParseFloat(strings.TrimSpace(string(text)), 64)
		if err != nil {
			b.Fatal(err)
		}
		return v
	}
	for b.Loop() {
		inside = append(inside, number(runtimetest.Invoke(b, sb, "{}").Payload))
		out, err := exec.Command(in.Path, "-c", loop+"print(handler(0, 0))\n").Output()
		if err != nil {
			b.Fatal(err)
		}
		outside = append(outside, number(out))
	}
	slices.Sort(inside)
	slices.Sort(outside)
	b.ReportMetric(inside[len(inside)/2], "libOS-ns")
	b.ReportMetric(outside[len(outside)/2], "native-ns")
	b.ReportMetric(0, "ns/op")
}
