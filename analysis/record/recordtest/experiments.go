package recordtest

import (
	"math"
	"strconv"
	"time"

	"github.com/lambdabench/lambdabench/analysis/record"
)

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
