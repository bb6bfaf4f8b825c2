package summary

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lambdabench/lambdabench/analysis/record"
	"github.com/lambdabench/lambdabench/analysis/record/recordtest"
)

// deployUnder summarises three trials of a deploy, of which the last had the given
// condition.
func deployUnder(t *testing.T, m record.Measurement) *Result {
	t.Helper()
	g := recordtest.New(t, 1, 1)
	for trial := range 3 {
		g.Trial(record.ExperimentDeploy, "process", "nodejs20.x", record.ViaWorker, nil,
			func(put func(record.Invocation), measure func(record.Measurement)) {
				for range 20 {
					put(record.Invocation{Path: record.PathHot, Latency: 1e6, Outcome: record.OutcomeOK})
				}
				if trial == 2 && m.Metric != "" {
					measure(m)
				} else {
					measure(record.Measurement{Metric: record.MetricFrequency, Value: 3e9})
					measure(record.Measurement{Metric: record.MetricAutogroup})
				}
			})
	}
	s, _, err := Read(g.Dir, "")
	if err != nil {
		t.Fatal(err)
	}
	if all := s.Find(Query{Metric: m.Metric}); m.Metric != "" && len(all) > 0 {
		t.Errorf("the condition is a result: %+v", all[0])
	}
	return s.One(Query{Metric: MetricLatency})
}

func TestConditionsOfTheHostAreWarningsAboveTheirThresholdAlone(t *testing.T) {
	for _, c := range []struct {
		metric      string
		quiet, loud float64
		want        string
	}{
		{record.MetricSteal, 0.009, 0.03, "steal: the hypervisor gave the processors to others more than 1 % of the " +
			"time in 1 of 3 trials, up to 3 %"},
		{record.MetricPressureMemory, 0.01, 0.02, "pressure: tasks waited for memory"},
		{record.MetricPressureIO, 0.05, 0.5, "pressure: tasks waited for the disk"},
		{record.MetricPressureCPU, 0.5, 0.6, "pressure: tasks waited for a processor"},
		{record.MetricFrequency, 2.8e9, 2.6e9, "frequency: the processors ran at 2.60 to 3.00 GHz"},
		{record.MetricMemorySampled, 0, 1, "memory is sampled: the kernel's DAMON was on in 1 of 3 trials"},
		{record.MetricAutogroup, 0, 1, "scheduler: the settings changed: 2 of 3 trials by governor not told, " +
			"autogroup off, 1 of 3 trials by governor not told, autogroup on"},
	} {
		kind, _, _ := strings.Cut(c.want, ":")
		has := func(r *Result, prefix string) bool {
			return slices.ContainsFunc(r.Warnings, func(w Warning) bool { return strings.HasPrefix(string(w), prefix) })
		}
		if r := deployUnder(t, record.Measurement{Metric: c.metric, Value: c.quiet}); has(r, kind+":") {
			t.Errorf("%s of %v: %q", c.metric, c.quiet, r.Warnings)
		}
		if r := deployUnder(t, record.Measurement{Metric: c.metric, Value: c.loud}); !has(r, c.want) {
			t.Errorf("%s of %v: %q, want %q", c.metric, c.loud, r.Warnings, c.want)
		}
	}
}

func TestAnExperimentsOwnLoadIsNoPressureFromOutside(t *testing.T) {
	busy := []conditions{{values: map[string]float64{record.MetricPressureCPU: 1}}}
	if w := hostWarnings(record.ExperimentThroughput, busy); len(w) > 0 {
		t.Errorf("%q in an experiment that uses all processors", w)
	}
}

func TestRecordsWithoutConditionsHaveNoWarningsOfThem(t *testing.T) {
	if w := hostWarnings(record.ExperimentDeploy, make([]conditions, 4)); len(w) > 0 {
		t.Errorf("%q", w)
	}
}

func TestALateGeneratorIsTold(t *testing.T) {
	for late, want := range map[int]bool{1: false, 2: true} { // of 100: 1 % is not more than 1 %
		g := recordtest.New(t, 1, 1)
		g.Trial(record.ExperimentBurst, "process", "nodejs20.x", record.ViaWorker, nil,
			func(put func(record.Invocation), _ func(record.Measurement)) {
				for i := range 100 {
					r := record.Invocation{Scheduled: int64(i) * 1e7, Latency: 1e6, Outcome: record.OutcomeOK}
					if r.Started = r.Scheduled + 5e6; i < late {
						r.Started = r.Scheduled + 12_500e6
					}
					put(r)
				}
			})
		s, _, err := Read(g.Dir, "")
		if err != nil {
			t.Fatal(err)
		}
		said := fmt.Sprint(s.One(Query{Metric: MetricLatency}).Warnings)
		if got := strings.Contains(said, "late generator: 2 of 100 calls began more than 10ms after they were due, "+
			"the worst 12.5s"); got != want {
			t.Errorf("%d late calls: %s", late, said)
		}
	}
}

func TestATenthOfTheMedianIsNotLate(t *testing.T) {
	s := Series{Trials: []*Trial{{Latency: []float64{1000, 1000}}}}
	for _, by := range []time.Duration{90 * time.Millisecond, 110 * time.Millisecond} {
		s.Trials[0].late.add(record.Invocation{Started: int64(by)})
	}
	if w := fmt.Sprint(s.lateWarning()); !strings.Contains(w, "1 of 2 calls began more than 100ms after") {
		t.Error(w)
	}
}

func TestALimitThatIsNotEnforcedIsToldBesideEveryFigureOfItsBackend(t *testing.T) {
	s := &Summary{Results: []Result{
		{Experiment: record.ExperimentDeploy, Backend: "a", Metric: MetricLatency},
		{Experiment: record.ExperimentDensity, Backend: "a", Metric: record.MetricInstances},
		{Experiment: record.ExperimentSurface, Backend: "a", Metric: record.MetricIsolated},
		{Experiment: record.ExperimentDeploy, Backend: "b", Metric: MetricLatency},
	}}
	s.Machine.NotEnforced = map[string]map[string]string{
		"a": {record.LimitMemory: "no cgroup"}, "b": {record.LimitCPU: "no cgroup"}}
	s.warnOfLimits()
	for i, want := range []int{1, 1, 0, 0} {
		if got := len(s.Results[i].Warnings); got != want {
			t.Errorf("%s of %s has %d warnings, want %d", s.Results[i].Experiment, s.Results[i].Backend, got, want)
		}
	}
	if w := fmt.Sprint(s.machineWarnings()); w != "[limit not enforced: a, memory: no cgroup]" {
		t.Error(w)
	}
}
