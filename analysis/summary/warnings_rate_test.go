package summary

import (
	"strings"
	"testing"

	"github.com/lambdabench/lambdabench/analysis/record"
	"github.com/lambdabench/lambdabench/analysis/record/recordtest"
)

func TestARateThatIsNotKeptIsMarked(t *testing.T) {
	for name, c := range map[string]struct {
		answered, unsent float64
		saturated        bool
	}{
		"kept":              {62, 0, false},
		"answered too late": {40, 0, true},
		"calls given up":    {62, 3, true},
	} {
		t.Run(name, func(t *testing.T) {
			g := recordtest.New(t, 1, 1)
			g.Trial(record.ExperimentRate, "process", "nodejs20.x", "worker",
				map[string]string{record.LabelRate: "64", record.LabelStart: record.StartStem},
				func(put func(record.Invocation), measure func(record.Measurement)) {
					put(record.Invocation{Path: "cold", Latency: 1e6, Outcome: "ok"})
					put(record.Invocation{Path: "boot", Latency: 9e6, Outcome: "ok"})
					for metric, v := range map[string]float64{record.MetricOffered: 64,
						record.MetricThroughput: c.answered, record.MetricUnsent: c.unsent} {
						measure(record.Measurement{Metric: metric, Unit: record.UnitRate, Value: v})
					}
				})
			s, _, err := Read(g.Dir, "")
			if err != nil {
				t.Fatal(err)
			}
			r := s.One(Query{Metric: MetricLatency})
			if r == nil || r.N != 2 || r.Saturated() != c.saturated {
				t.Fatalf("%+v, want both paths in one series, saturated %v", r, c.saturated)
			}
			if c.saturated && !strings.Contains(string(r.Warnings[len(r.Warnings)-1]), "of 64 calls a second") {
				t.Errorf("warnings %q do not tell the rates", r.Warnings)
			}
		})
	}
}
