// Package recordtest writes run folders of SYNTHETIC records for tests: drawn from a seeded
// generator, with round figures made up for the purpose. They describe no machine and no
// backend, whatever the names in them.
package recordtest

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/lambdabench/lambdabench/analysis/record"
)

const suite = "suite: SYNTHETIC\nseed: 7\n"

// Run is a run folder that is being written.
type Run struct {
	t      testing.TB
	Dir    string
	Block  int // of the trials that follow; 0 where it is not known
	rng    *rand.Rand
	number int
	scale  float64 // of all times
}

// Whole writes a whole run folder: every experiment, three backends.
func Whole(t testing.TB, seed uint64, scale float64) string {
	t.Helper()
	g := New(t, seed, scale)
	for repeat := range 6 {
		g.Block = repeat + 1
		for _, b := range []string{"container/runc", "process", "unikernel"} {
			for _, rt := range []string{"nodejs20.x", "python3.11"} {
				g.Target(b, rt, repeat)
			}
		}
	}
	g.MPSC()
	g.Trace()
	g.Training()
	return g.Dir
}

// TwoPaths writes a run of two deploy trials by each of two paths.
func TwoPaths(t testing.TB) string {
	g := New(t, 3, 1)
	for range 2 {
		g.Deploy("process", "nodejs20.x", "hot", 0.2)
		g.Deploy("process", "nodejs20.x", "cold", 5)
	}
	return g.Dir
}

// New begins a run folder; scale multiplies all times.
func New(t testing.TB, seed uint64, scale float64) *Run {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "synthetic")
	g := &Run{t: t, Dir: dir, rng: rand.New(rand.NewPCG(seed, 1)), scale: scale}
	g.must(os.MkdirAll(filepath.Join(dir, record.Folder), 0o755))
	g.must(os.WriteFile(filepath.Join(dir, record.SuiteFile), []byte(suite), 0o644))
	m := record.Machine{Date: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), CPU: "SYNTHETIC", Cores: 2,
		MemoryBytes: 24e9, Kernel: "0.0", OS: "none", User: "root",
		LoadBefore:   [3]float64{0.1, 0.1, 0.1},
		Interpreters: map[string]string{"nodejs20.x": "20", "python3.11": "3.11"},
		Backends:     map[string]string{"process": "", "unikernel": "", "container/runc": "0"}, Go: "go",
		Commit: "0000000"}
	b, err := json.Marshal(m)
	g.must(err)
	g.must(os.WriteFile(filepath.Join(dir, record.MachineFile), b, 0o644))
	return g
}

func (g *Run) must(err error) {
	g.t.Helper()
	if err != nil {
		g.t.Fatal(err)
	}
}

// Trial writes one trial's file.
func (g *Run) Trial(experiment, backend, rt, via string, labels map[string]string,
	fill func(put func(record.Invocation), measure func(record.Measurement))) {
	g.t.Helper()
	g.number++
	w, err := record.Create(filepath.Join(g.Dir, record.Folder,
		fmt.Sprintf("%04d-%s%s", g.number, experiment, record.Suffix)))
	g.must(err)
	w.Trial(record.Trial{Number: g.number, Block: g.Block})
	merged := func(own map[string]string) map[string]string {
		all := map[string]string{}
		for k, v := range labels {
			all[k] = v
		}
		for k, v := range own {
			all[k] = v
		}
		return all
	}
	fill(func(r record.Invocation) {
		r.Experiment, r.Backend, r.Runtime, r.Via, r.Trial, r.Labels = experiment, backend, rt, via, g.number,
			merged(r.Labels)
		w.Invocation(r)
	}, func(r record.Measurement) {
		r.Experiment, r.Backend, r.Runtime, r.Via, r.Trial, r.Labels = experiment, backend, rt, via, g.number,
			merged(r.Labels)
		w.Measurement(r)
	})
	g.must(w.Commit())
}

// Draw is a latency in ns whose median is so many ms.
func (g *Run) Draw(median float64) int64 {
	return int64(g.scale * median * 1e6 * math.Exp(0.15*g.rng.NormFloat64()))
}

// made up: cold, warm, hot and boot latencies in ms, MB each, creations a second
var madeUp = map[string]struct{ boot, cold, warm, hot, mb, rate float64 }{
	"process":        {80, 5, 0, 0.2, 20, 25},
	"container/runc": {200, 6, 0, 0.25, 30, 5},
	"unikernel":      {90, 2, 0.8, 0.1, 0.4, 900},
}

// Target writes the trials of one backend and runtime.
func (g *Run) Target(backend, rt string, repeat int) {
	m := madeUp[backend]
	for _, p := range []struct {
		path   string
		median float64
	}{{"hot", m.hot}, {"warm", m.warm}, {"cold", m.cold}, {"boot", m.boot}} {
		if p.median > 0 {
			g.Deploy(backend, rt, p.path, p.median)
		}
	}
	g.Density(backend, rt, m.mb, m.rate)
	if rt != "nodejs20.x" {
		return // enough to have a second runtime; drawing takes its time
	}
	for _, functions := range []int{64, 256, 1024, 4096} {
		g.Throughput(backend, rt, functions)
	}
	if repeat == 0 && backend != "process" {
		for _, period := range []time.Duration{32 * time.Second, 16 * time.Second, 8 * time.Second} {
			g.Burst(backend, rt, period)
		}
	}
	g.Overhead(backend, rt, m.hot)
	if backend == "unikernel" {
		g.AO(rt)
	}
	if repeat == 0 {
		g.Surface(backend, rt)
	}
}

// Deploy writes a deploy trial of one path whose latencies have a median of so many ms.
func (g *Run) Deploy(backend, rt, path string, median float64) {
	g.Trial("deploy", backend, rt, "worker", nil, func(put func(record.Invocation), measure func(record.Measurement)) {
		for i := range 103 {
			r := record.Invocation{Path: path, Latency: g.Draw(median), Outcome: "ok"}
			if i < 3 {
				r.Labels = map[string]string{record.LabelWarmup: "true"}
			}
			r.Run = r.Latency / 5
			switch path {
			case "warm":
				r.Deploy = r.Latency / 2
			case "cold":
				r.Import = r.Latency / 2
				if backend == "unikernel" {
					r.Deploy = r.Latency / 4
				}
			case "boot":
				r.Boot, r.Import = r.Latency*7/10, r.Latency/20
			}
			put(r)
		}
		measure(record.Measurement{Metric: record.MetricBusy, Unit: "share", Value: 0.05, Source: "made up"})
	})
}

// Throughput writes a throughput trial of so many functions. The container does not fill
// 4,096 of them, the process does not call them all.
func (g *Run) Throughput(backend, rt string, functions int) {
	rate := 3000.0
	if backend != "unikernel" && functions > 128 {
		rate = 3000 * math.Pow(128/float64(functions), 1.5)
	}
	filled, called := functions, functions
	if functions == 4096 {
		switch backend {
		case "container/runc":
			filled, called = 300, 0
		case "process":
			called = 2000
		}
	}
	g.Trial("throughput", backend, rt, "worker", map[string]string{"functions": strconv.Itoa(functions)},
		func(put func(record.Invocation), measure func(record.Measurement)) {
			for i := range 50 {
				r := record.Invocation{Path: "hot", Scheduled: int64(i) * 1e6, Latency: g.Draw(10), Outcome: "ok"}
				if called == 0 {
					r.Labels = map[string]string{record.LabelWarmup: record.Warmup}
				}
				put(r)
			}
			whole := func(metric string, v float64, labels map[string]string) {
				measure(record.Measurement{Metric: metric, Unit: record.UnitCount, Value: v, Labels: labels})
			}
			noise := math.Exp(0.05 * g.rng.NormFloat64())
			if called == 0 {
				whole(record.MetricFilled, float64(filled), map[string]string{record.LabelStopped: record.StoppedFill})
				return
			}
			whole(record.MetricFilled, float64(filled), nil)
			whole(record.MetricDistinct, float64(called), nil)
			whole(record.MetricCompletions, math.Trunc(3*rate), nil)
			measure(record.Measurement{Metric: record.MetricHotShare, Unit: record.UnitShare, Value: 0.95})
			measure(record.Measurement{Metric: record.MetricThroughput, Unit: "1/s",
				Value: rate * noise / g.scale})
			measure(record.Measurement{Metric: record.MetricCPUTime, Unit: record.UnitMilliseconds, Source: "made up",
				Value: 2000 * g.scale / rate})
		})
}

// Density writes density trials of both states.
func (g *Run) Density(backend, rt string, mb, rate float64) {
	for _, state := range []string{"booted", "served"} {
		g.Trial("density", backend, rt, "sandbox", map[string]string{"state": state},
			func(put func(record.Invocation), measure func(record.Measurement)) {
				put(record.Invocation{Path: "boot", Latency: g.Draw(80), Outcome: "ok"})
				each := mb * 1e6 * math.Exp(0.02*g.rng.NormFloat64())
				measure(record.Measurement{Metric: record.MetricBytesPerInstance, Unit: "bytes", Value: each,
					Source: "made up"})
				measure(record.Measurement{Metric: record.MetricInstances, Unit: "1", Value: math.Floor(1e9 / each),
					Source: "made up", Labels: map[string]string{record.LabelStopped: "budget",
						record.LabelBudget: "1GB"}})
				measure(record.Measurement{Metric: record.MetricCreationRate, Unit: "1/s",
					Value: rate * math.Exp(0.05*g.rng.NormFloat64()) / g.scale})
			})
	}
}

// Burst writes a burst trial. Its records claim to be five of the ten bursts that there were.
func (g *Run) Burst(backend, rt string, period time.Duration) {
	g.Trial("burst", backend, rt, "worker", map[string]string{"period": period.String()},
		func(put func(record.Invocation), measure func(record.Measurement)) {
			for metric, n := range map[string]float64{record.MetricBursts: 10, record.MetricBurstSize: 16,
				record.MetricStemCells: 8, record.MetricMostInstances: 128} {
				measure(record.Measurement{Metric: metric, Unit: record.UnitCount, Value: n})
			}
			end := 8*time.Second + 5*period
			for at := time.Duration(0); at < end; at += 111 * time.Millisecond {
				put(record.Invocation{Scheduled: int64(at), Latency: g.Draw(260), Outcome: "ok",
					Labels: map[string]string{record.LabelLoad: record.LoadBackground}})
			}
			for b := range 5 {
				for i := range 16 {
					r := record.Invocation{Scheduled: int64(8*time.Second + time.Duration(b)*period),
						Latency: g.Draw(float64(150 * (i + 2) / 2)), Outcome: "ok",
						Labels: map[string]string{record.LabelLoad: record.LoadBurst,
							record.LabelBurst: strconv.Itoa(b)}}
					if backend == "container/runc" && b > 1 && i%4 == 0 {
						r.Outcome, r.Error, r.Latency = "refused", "made up", g.Draw(3000)
					}
					put(r)
				}
			}
		})
}

// Overhead writes the trials of the three ways to reach a function.
func (g *Run) Overhead(backend, rt string, hot float64) {
	for _, v := range []struct {
		via   string
		extra float64
	}{{"sandbox", 0}, {"worker", 0.02}, {"gateway", 0.2}} {
		g.Trial("overhead", backend, rt, v.via, nil,
			func(put func(record.Invocation), measure func(record.Measurement)) {
				for range 200 {
					put(record.Invocation{Path: "hot", Latency: g.Draw(hot + v.extra), Outcome: "ok"})
				}
				if v.via == "gateway" {
					put(record.Invocation{Path: "hot", Latency: g.Draw(9), Outcome: "ok",
						Labels: map[string]string{record.LabelLoad: record.LoadClosed}})
					measure(record.Measurement{Metric: record.MetricThroughput, Unit: "1/s", Value: 6000 / g.scale,
						Labels: map[string]string{record.LabelLoad: record.LoadClosed}})
				}
			})
	}
}

// AO writes trials with ever more steps.
func (g *Run) AO(rt string) {
	for i, steps := range []string{"none", "network", "network+interpreter"} {
		g.Trial("ao", "unikernel", rt, "worker", map[string]string{record.LabelAO: steps},
			func(put func(record.Invocation), measure func(record.Measurement)) {
				for range 100 {
					put(record.Invocation{Path: "cold", Latency: g.Draw(8 / float64(1+2*i)), Outcome: "ok"})
					put(record.Invocation{Path: "warm", Latency: g.Draw(2 / float64(1+i)), Outcome: "ok"})
				}
				measure(record.Measurement{Metric: record.MetricFunctionSnapshot, Unit: "bytes",
					Value: 3e6 / float64(1+3*i)})
				measure(record.Measurement{Metric: record.MetricRuntimeSnapshot, Unit: "bytes",
					Value: 60e6 + 2e6*float64(i)})
			})
	}
}

// Surface writes a trial of looks.
func (g *Run) Surface(backend, rt string) {
	g.Trial("surface", backend, rt, "sandbox", nil, func(_ func(record.Invocation), measure func(record.Measurement)) {
		for i, feature := range []string{"pid namespace", "network namespace", "seccomp"} {
			v := 1.0
			if backend == "process" || i > 1 {
				v = 0
			}
			measure(record.Measurement{Metric: record.MetricIsolated, Unit: "bool", Value: v,
				Labels: map[string]string{record.LabelFeature: feature}})
		}
		measure(record.Measurement{Metric: record.MetricReachable, Unit: "1", Value: 300,
			Labels: map[string]string{record.LabelFeature: "host system calls", record.LabelDetail: "made up"}})
	})
}

// MPSC writes the trials of all schedules.
func (g *Run) MPSC() {
	for block := range 5 {
		g.Block = block + 1
		for _, schedule := range []string{record.ScheduleAdaptive, "cloud-a", "cloud-b", "edge"} {
			g.Trial("mpsc", "process", "nodejs20.x", "gateway", map[string]string{record.LabelSchedule: schedule},
				func(put func(record.Invocation), _ func(record.Measurement)) {
					for i := range 300 {
						at := time.Duration(i) * 100 * time.Millisecond
						edge := 10.0
						if (i/60)%2 == 1 {
							edge = 400
						}
						provider, median := schedule,
							map[string]float64{"cloud-a": 60, "cloud-b": 90, "edge": edge}[schedule]
						if schedule == record.ScheduleAdaptive {
							provider, median = "edge", edge
							if edge > 60 && i%60 > 3 {
								provider, median = "cloud-a", 60
							}
						}
						r := record.Invocation{Scheduled: int64(at), Latency: g.Draw(median), Outcome: "ok",
							Labels: map[string]string{record.LabelProvider: provider}}
						if provider == "edge" && edge > 60 && i%11 == 0 {
							r.Outcome = "error"
						}
						put(r)
					}
				})
		}
	}
}

// Trace has one function a client: its first call is cold.
func (g *Run) Trace() {
	for block := range 5 {
		g.Block = block + 1
		for _, backend := range []string{"process", "unikernel"} {
			m := madeUp[backend]
			g.Trial("trace", backend, "nodejs20.x", "gateway", map[string]string{"clients": "8"},
				func(put func(record.Invocation), measure func(record.Measurement)) {
					for i := range 200 {
						r := record.Invocation{Path: "hot", Scheduled: int64(i) * 1e6, Latency: g.Draw(m.hot),
							Outcome: "ok"}
						if i < 8 {
							r.Path, r.Latency = "cold", g.Draw(m.cold)
						}
						if i == 150 {
							r.Outcome = "error"
						}
						put(r)
					}
					measure(record.Measurement{Metric: record.MetricThroughput, Unit: "1/s",
						Value: 8000 / m.cold * math.Exp(0.05*g.rng.NormFloat64()) / g.scale})
				})
		}
	}
}

// Training writes leave-one-out trials of two applications.
func (g *Run) Training() {
	for block := range 6 {
		g.Block = block + 1
		for _, app := range []struct{ name, like string }{{"nop", "echo"}, {"sign", "digest"}} {
			for i, set := range []string{record.TrainingNone, record.TrainingWithout, record.TrainingWith} {
				labels := map[string]string{record.LabelApp: app.name, record.LabelLike: app.like,
					record.LabelTraining: set}
				for _, path := range []string{"warm", "cold"} {
					g.trained(path, labels, float64(1+i))
				}
			}
		}
	}
}

// trained writes a trial of training whose figures shrink by a factor.
func (g *Run) trained(path string, labels map[string]string, factor float64) {
	g.Trial(record.ExperimentTraining, "unikernel", "nodejs20.x", "worker", labels,
		func(put func(record.Invocation), measure func(record.Measurement)) {
			for range 40 {
				put(record.Invocation{Path: path, Latency: g.Draw(6 / factor), Outcome: "ok"})
			}
			if path == "warm" {
				measure(record.Measurement{Metric: record.MetricFunctionSnapshot, Unit: "bytes", Value: 1e6 / factor})
			}
		})
}
