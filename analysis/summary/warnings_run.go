package summary

import "github.com/lambdabench/lambdabench/analysis/record"

const (
	busyLoad     = 0.50      // load average a core, before the run
	littleMemory = 128 << 20 // bytes, of all instances of a density trial
)

// Warnings are the warnings of the run as a whole.
func (s *Summary) Warnings() []Warning {
	w := []Warning{}
	if len(s.Results) == 0 {
		w = append(w, Warn(WarnEmpty, "the run folder holds no finished trial"))
	}
	if s.Run.Planned > s.Run.Trials {
		w = append(w, Warn(WarnIncomplete, "%d of %d trials are recorded; run the suite again with the same --out",
			s.Run.Trials, s.Run.Planned))
	}
	if s.Machine.Dirty {
		w = append(w, Warn(WarnDirty, "built with changes that are in no commit"))
	}
	if s.Machine.MemorySampled {
		w = append(w, Warn(WarnSampled, "the kernel's DAMON was on (/sys/kernel/mm/damon): its work, and what forks "+
			"wait for it, grows with the processes that share a page"))
	}
	if l := s.Machine.LoadBefore[0]; s.Machine.Cores > 0 && l/float64(s.Machine.Cores) > busyLoad {
		w = append(w, Warn(WarnLoad, "load average %.2f on %d cores", l, s.Machine.Cores))
	}
	w = append(w, s.machineWarnings()...)
	if failed := s.failedResults(); failed > 0 {
		w = append(w, Warn(WarnErrors, "%d series have failed invocations", failed))
	}
	return w
}

func (s *Summary) failedResults() int {
	n := 0
	for _, r := range s.Find(Query{Metric: MetricErrorRate}) {
		if r.warned(WarnErrors) {
			n++
		}
	}
	return n
}

// warnOfLittleMemory marks densities that are differences of two large readings: all
// instances together took less memory than a host's own memory varies by, its page cache
// above all.
func (s *Summary) warnOfLittleMemory() {
	for i := range s.Results {
		r := &s.Results[i]
		if r.Experiment != record.ExperimentDensity || r.Metric != record.MetricBytesPerInstance {
			continue
		}
		n := s.One(Query{Experiment: r.Experiment, Backend: r.Backend, Runtime: r.Runtime,
			Metric: record.MetricInstances, Labels: map[string]string{record.LabelState: r.Label(record.LabelState)}})
		if n == nil || r.P50*n.P50 >= littleMemory {
			continue
		}
		r.Warnings = append(r.Warnings, Warn(WarnLittleMemory, "%.0f MB of all %.0f instances together",
			r.P50*n.P50/1e6, n.P50))
	}
}
