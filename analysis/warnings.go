package analysis

import (
	"fmt"
	"slices"
	"strings"

	"github.com/lambdabench/lambdabench/analysis/record"
	"github.com/lambdabench/lambdabench/analysis/statistics"
)

const (
	noisyWidth = 0.10 // of an interval, as a share of its median
	busyShare  = 0.25 // of the processors, right before a trial
	busyLoad   = 0.50 // load average a core, before the run

	littleMemory = 128 << 20 // bytes, of all instances of a density trial
)

// sampleWarnings are those that any sample of invocations can call for.
func sampleWarnings(r Result, trials int) []Warning {
	w := trialWarnings(r, trials)
	if r.N < statistics.MinFor(0.99) {
		w = append(w, warning(WarnTooFew+" for p99", "%s, want %s", count(r.N), count(statistics.MinFor(0.99))))
	} else if least := statistics.MinFor(0.999); r.N < least {
		w = append(w, warning(WarnTooFew+tail999, "%s, want %s", count(r.N), count(least)))
	}
	return w
}

// trialWarnings are those of whatever is known from so many trials.
func trialWarnings(r Result, trials int) []Warning {
	var w []Warning
	switch {
	case trials == 1:
		w = append(w, warning(WarnSingleTrial, "how trials differ is not known"))
	case trials < statistics.FewTrials:
		w = append(w, warning(WarnFewTrials, "%d; the interval spans what each of them gave", trials))
	}
	if (statistics.Interval{Low: r.CILow, High: r.CIHigh}).RelativeWidth(r.P50) > noisyWidth {
		w = append(w, warning(WarnNoisy, "interval wider than %.0f %%", 100*noisyWidth))
	}
	return w
}

// quantityWarnings are those of a quantity with one value a trial.
func quantityWarnings(r Result, group []quantity) []Warning {
	w := trialWarnings(r, len(group))
	if r.Metric == record.MetricIsolated || r.Metric == record.MetricReachable {
		w = nil // looked at, not measured
	}
	reasons := map[string]int{}
	busy := 0
	for _, f := range group {
		if f.stopped != "" && f.stopped != record.StoppedBudget {
			reasons[f.stopped]++
		}
		if f.busy > busyShare {
			busy++
		}
	}
	if len(reasons) > 0 {
		w = append(w, warning(WarnStopped, "%s before the memory budget was used", counts(reasons, len(group), "trial")))
	}
	return append(w, loadWarning(busy, len(group))...)
}

// warnOfLittleMemory marks densities that are differences of two large readings:
// all instances together took less than a host's memory moves by itself, with
// its page cache above all.
func (s *Summary) warnOfLittleMemory() {
	for i := range s.Results {
		r := &s.Results[i]
		if r.Experiment != record.ExperimentDensity || r.Metric != record.MetricBytesPerInstance {
			continue
		}
		n := s.One(Query{Experiment: r.Experiment, Backend: r.Backend, Runtime: r.Runtime, Metric: record.MetricInstances, Labels: map[string]string{record.LabelState: r.Label(record.LabelState)}})
		if n == nil || r.P50*n.P50 >= littleMemory {
			continue
		}
		r.Warnings = append(r.Warnings, warning(WarnLittleMemory, "%.0f MB of all %.0f instances together", r.P50*n.P50/mega, n.P50))
	}
}

// warnings are those of the series as a whole.
func (s *series) warnings() []Warning {
	var w []Warning
	outcomes, strays := map[string]int{}, map[string]int{}
	failed, n, busy := 0, 0, 0
	for _, t := range s.trials {
		failed, n = failed+t.failed, n+t.failed+len(t.latency)
		for k, c := range t.outcomes {
			outcomes[k] += c
		}
		for k, c := range t.strays {
			strays[k] += c
		}
		if t.busy > busyShare {
			busy++
		}
	}
	if failed > 0 {
		w = append(w, warning(WarnErrors, "%d of %d (%s)", failed, n, strings.Join(named(outcomes), ", ")))
	}
	if len(strays) > 0 {
		w = append(w, warning(WarnStrays, "left out %s", strings.Join(named(strays), ", ")))
	}
	return append(w, loadWarning(busy, len(s.trials))...)
}

func loadWarning(busy, trials int) []Warning {
	if busy == 0 {
		return nil
	}
	return []Warning{warning(WarnLoad, "more than %.0f %% of the processors were in use before %d of %d trials", 100*busyShare, busy, trials)}
}

func named(counts map[string]int) []string {
	var all []string
	for _, k := range sortedKeys(counts) {
		all = append(all, fmt.Sprintf("%d %s", counts[k], k))
	}
	return all
}

func counts(reasons map[string]int, of int, what string) string {
	var all []string
	for _, k := range sortedKeys(reasons) {
		all = append(all, fmt.Sprintf("%d of %d %ss by %s", reasons[k], of, what, k))
	}
	return strings.Join(all, ", ")
}

// Warnings are those of the run as a whole.
func (s *Summary) Warnings() []Warning {
	w := []Warning{}
	if len(s.Results) == 0 {
		w = append(w, warning(WarnEmpty, "the run folder holds no finished trial"))
	}
	if s.Run.Planned > s.Run.Trials {
		w = append(w, warning(WarnIncomplete, "%d of %d trials are recorded; run the suite again with the same --out", s.Run.Trials, s.Run.Planned))
	}
	if s.Machine.Dirty {
		w = append(w, warning(WarnDirty, "built with changes that are in no commit"))
	}
	if s.Machine.MemorySampled {
		w = append(w, warning(WarnSampled, "the kernel's DAMON was on (/sys/kernel/mm/damon): its work, and what forks wait for it, grows with the processes that share a page"))
	}
	if l := s.Machine.LoadBefore[0]; s.Machine.Cores > 0 && l/float64(s.Machine.Cores) > busyLoad {
		w = append(w, warning(WarnLoad, "load average %.2f on %d cores", l, s.Machine.Cores))
	}
	if failed := s.failedResults(); failed > 0 {
		w = append(w, warning(WarnErrors, "%d series have failed invocations", failed))
	}
	return w
}

func (s *Summary) failedResults() int {
	n := 0
	for _, r := range s.Find(Query{Metric: MetricErrorRate}) {
		if slices.ContainsFunc(r.Warnings, func(w Warning) bool { return w.Kind() == WarnErrors }) {
			n++
		}
	}
	return n
}
