package summary

import (
	"slices"
	"strings"
	"testing"

	"github.com/lambdabench/lambdabench/analysis/record"
	"github.com/lambdabench/lambdabench/analysis/record/recordtest"
)

func TestDensityOfLittleMemoryIsMarked(t *testing.T) {
	for name, c := range map[string]struct {
		bytes, instances float64
		want             bool
	}{
		"much":           {1e6, 1000, false},
		"little":         {20e3, 900, true},
		"less than none": {-60e3, 900, true},
	} {
		t.Run(name, func(t *testing.T) {
			labels := map[string]string{record.LabelState: record.StateIdle}
			s := &Summary{Results: []Result{
				{Experiment: record.ExperimentDensity, Backend: "b", Runtime: "r",
					Metric: record.MetricBytesPerInstance, Labels: labels, N: 1, P50: c.bytes},
				{Experiment: record.ExperimentDensity, Backend: "b", Runtime: "r", Metric: record.MetricInstances,
					Labels: labels, N: 1, P50: c.instances},
			}}
			s.warnOfLittleMemory()
			got := len(s.Results[0].Warnings) > 0 && s.Results[0].Warnings[0].Kind() == WarnLittleMemory
			if got != c.want {
				t.Errorf("%v", s.Results[0].Warnings)
			}
		})
	}
}

func TestAThroughputThatDoesNotCoverItsFunctionsSaysSo(t *testing.T) {
	for name, c := range map[string]struct {
		filled, distinct, completions float64
		want                          string // "": covered
	}{
		"all of it":       {64, 64, 5000, ""},
		"not filled":      {24, 64, 5000, WarnNotFilled},
		"not all called":  {64, 60, 5000, WarnNotCovered},
		"too few replies": {64, 64, 29, WarnFewReplies},
	} {
		t.Run(name, func(t *testing.T) {
			g := recordtest.New(t, 1, 1)
			for trial := range 2 {
				g.Trial("throughput", "process", "nodejs20.x", "worker", map[string]string{"functions": "64"},
					func(put func(record.Invocation), measure func(record.Measurement)) {
						put(record.Invocation{Path: "hot", Latency: 1e6, Outcome: "ok"})
						value := func(metric string, whole, v float64) {
							if trial == 0 {
								v = whole // one of the two trials falls short
							}
							q := record.Measurement{Metric: metric, Unit: record.UnitCount, Value: v}
							if metric == record.MetricFilled && v < whole {
								q.Labels = map[string]string{record.LabelStopped: record.StoppedFill}
							}
							measure(q)
						}
						value(record.MetricFilled, 64, c.filled)
						value(record.MetricDistinct, 64, c.distinct)
						value(record.MetricCompletions, 5000, c.completions)
						value(record.MetricThroughput, 100, 100)
					})
			}
			s, _, err := Read(g.Dir, "")
			if err != nil {
				t.Fatal(err)
			}
			r := s.One(Query{Metric: record.MetricThroughput})
			if r.Covered() != (c.want == "") || !r.Covered() && !slices.ContainsFunc(r.Warnings, func(w Warning) bool {
				return w.Kind() == c.want && strings.Contains(string(w), "1 of 2 trials")
			}) {
				t.Errorf("warnings %q, reason %q; want kind %q", r.Warnings, r.Reason(), c.want)
			}
		})
	}
}
