package summary

import (
	"testing"

	"github.com/lambdabench/lambdabench/analysis/record"
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
