package summary

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/lambdabench/lambdabench/analysis/record"
	"github.com/lambdabench/lambdabench/analysis/statistics"
)

// Kinds of warnings about the host during the trials, and about the load generator.
const (
	WarnLate        = "late generator"
	WarnSteal       = "steal"
	WarnPressure    = "pressure"
	WarnFrequency   = "frequency"
	WarnScheduler   = "scheduler"
	WarnNotEnforced = "limit not enforced"
)

// The thresholds of these warnings. Below them the effect on a median lies within the
// tenth from which on an interval is called noisy. A call is late where it begins by more than
// lateBy and by more than lateOfMedian after it was due.
const (
	lateBy         = 10 * time.Millisecond
	lateOfMedian   = 0.10 // of the series' median latency
	lateShare      = 0.01 // of the calls of a series
	stealShare     = 0.01 // of the processors' time
	memoryPressure = 0.01 // of a trial's time; a task that waits for memory waits for the kernel
	ioPressure     = 0.05 // of a trial's time; records are written meanwhile
	cpuPressure    = 0.50 // of a trial's time, where one call runs at a time
	clockRatio     = 0.90 // slowest to fastest trial of a series
)

// serial are the experiments with one call at a time: only there a task that waits for a
// processor waits for others than the experiment's own load.
var serial = []string{record.ExperimentDeploy, record.ExperimentAO, record.ExperimentApps}

// conditions are the host's during one trial, by metric; nil in records of earlier versions.
type conditions struct {
	values   map[string]float64
	governor string
}

func (c *conditions) add(row record.Measurement) {
	if c.values == nil {
		c.values = map[string]float64{}
	}
	c.values[row.Metric] = row.Value
	if row.Metric == record.MetricAutogroup {
		c.governor = row.Labels[record.LabelDetail]
	}
}

// lateness tells by how much the calls of a trial began after they were due.
type lateness struct {
	calls int
	late  []time.Duration // those above lateBy
}

func (l *lateness) add(row record.Invocation) {
	l.calls++
	if by := time.Duration(row.Started - row.Scheduled); by > lateBy {
		l.late = append(l.late, by)
	}
}

// lateWarning tells of calls that began so late that a part of their latency is the load
// generator's: latency counts from when a call was due.
func (s *Series) lateWarning() []Warning {
	bound := lateBy
	if all, _ := statistics.Clean(s.Pooled()); len(all) > 0 {
		bound = max(bound, time.Duration(lateOfMedian*statistics.Median(all)*float64(time.Millisecond)))
	}
	calls, late, worst := 0, 0, time.Duration(0)
	for _, t := range s.Trials {
		calls += t.late.calls
		for _, by := range t.late.late {
			if by > bound {
				late, worst = late+1, max(worst, by)
			}
		}
	}
	if float64(late) <= lateShare*float64(calls) {
		return nil
	}
	return []Warning{Warn(WarnLate, "%s of %s calls began more than %v after they were due, the worst %v; latency "+
		"counts from when a call was due", comma(late), comma(calls), bound.Round(time.Millisecond),
		worst.Round(time.Millisecond))}
}

// hostWarnings are those of the trials of a series.
func (s *Series) hostWarnings() []Warning {
	var hosts []conditions
	for _, t := range s.Trials {
		hosts = append(hosts, t.host)
	}
	return append(s.lateWarning(), hostWarnings(s.Experiment, hosts)...)
}

// hostWarnings are the warnings that follow from the host during the trials of a result.
func hostWarnings(experiment string, trials []conditions) []Warning {
	var w []Warning
	above := func(metric string, threshold float64, kind, what string) {
		n, worst := 0, 0.0
		for _, t := range trials {
			if v := t.values[metric]; v > threshold {
				n, worst = n+1, max(worst, v)
			}
		}
		if n > 0 {
			w = append(w, Warn(kind, "%s more than %s of the time in %d of %d trials, up to %s", what,
				percent(threshold), n, len(trials), percent(worst)))
		}
	}
	above(record.MetricSteal, stealShare, WarnSteal, "the hypervisor gave the processors to others")
	above(record.MetricPressureMemory, memoryPressure, WarnPressure, "tasks waited for memory")
	above(record.MetricPressureIO, ioPressure, WarnPressure, "tasks waited for the disk")
	if slices.Contains(serial, experiment) {
		above(record.MetricPressureCPU, cpuPressure, WarnPressure, "tasks waited for a processor")
	}
	return append(w, settingWarnings(trials)...)
}

// settingWarnings tell of settings of the host that were not the same in all trials of a result.
func settingWarnings(trials []conditions) []Warning {
	var w []Warning
	var clocks []float64
	sampled := 0
	settings := map[string]int{}
	for _, t := range trials {
		if hz, ok := t.values[record.MetricFrequency]; ok {
			clocks = append(clocks, hz)
		}
		if t.values[record.MetricMemorySampled] > 0 {
			sampled++
		}
		if autogroup, ok := t.values[record.MetricAutogroup]; ok {
			settings[fmt.Sprintf("governor %s, autogroup %s", orNone(t.governor), onOff(autogroup > 0))]++
		}
	}
	if len(clocks) > 0 {
		if slow, fast := slices.Min(clocks), slices.Max(clocks); slow < clockRatio*fast {
			w = append(w, Warn(WarnFrequency, "the processors ran at %.2f to %.2f GHz in the %d trials", slow/1e9,
				fast/1e9, len(clocks)))
		}
	}
	if sampled > 0 && sampled < len(trials) { // of all trials, a warning of the run tells
		w = append(w, Warn(WarnSampled, "the kernel's DAMON was on in %d of %d trials", sampled, len(trials)))
	}
	if len(settings) > 1 {
		w = append(w, Warn(WarnScheduler, "the settings changed: %s", counts(settings, len(trials), "trial")))
	}
	return w
}

func hostsOf(group []Quantity) []conditions {
	var all []conditions
	for _, q := range group {
		all = append(all, q.host)
	}
	return all
}

// warnOfLimits marks the results of backends that do not enforce the memory limit, which
// every experiment sets. The experiment surface tells itself what is enforced.
func (s *Summary) warnOfLimits() {
	for i := range s.Results {
		r := &s.Results[i]
		reason, ok := s.Machine.NotEnforced[r.Backend][record.LimitMemory]
		if ok && r.Experiment != record.ExperimentSurface && r.Metric != MetricStageLatency {
			r.Warnings = append(r.Warnings, Warn(WarnNotEnforced, "memory: %s", reason))
		}
	}
}

// machineWarnings are those of the run as a whole.
func (s *Summary) machineWarnings() []Warning {
	var w []Warning
	if s.Machine.Autogroup {
		w = append(w, Warn(WarnScheduler, "autogroup is on, and no CPU cgroup could be made for the run: the "+
			"processors are shared between sessions, so a sandbox with a session of its own weighs as much as the "+
			"platform"))
	}
	if g := s.Machine.Governor; g != "" && g != "performance" {
		w = append(w, Warn(WarnFrequency, "governor %s: the clock follows the load; performance keeps it steady", g))
	}
	for backend, limits := range s.Machine.NotEnforced {
		if reason, ok := limits[record.LimitMemory]; ok {
			w = append(w, Warn(WarnNotEnforced, "%s, memory: %s", backend, reason))
		}
	}
	slices.Sort(w)
	return w
}

func percent(share float64) string {
	return strings.TrimSuffix(fmt.Sprintf("%.1f", 100*share), ".0") + " %"
}

func onOff(on bool) string {
	if on {
		return "on"
	}
	return "off"
}

func orNone(name string) string {
	if name == "" {
		return "not told"
	}
	return name
}
