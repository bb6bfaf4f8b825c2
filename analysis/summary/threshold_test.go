package summary

import (
	"fmt"
	"strings"
	"testing"

	"github.com/lambdabench/lambdabench/analysis/record/recordtest"
)

func TestARunFallsShortWithTheReason(t *testing.T) {
	g := recordtest.New(t, 1, 1)
	for block := range 3 {
		g.Block = block + 1
		g.Deploy("process", "nodejs20.x", "cold", 8)
		g.Deploy("unikernel", "nodejs20.x", "cold", 2)
	}
	g.Block = 4
	g.Deploy("process", "nodejs20.x", "hot", 1)
	s, _, err := Read(g.Dir, "")
	if err != nil {
		t.Fatal(err)
	}
	bound := func(v float64) *float64 { return &v }
	cold := Query{Metric: MetricLatency, Path: "cold", Backend: "unikernel"}
	process := &Query{Backend: "process"}
	with := func(set func(*Threshold)) Threshold {
		th := Threshold{Series: cold, Statistic: "p50", AtMost: bound(3)}
		set(&th)
		return th
	}
	for name, c := range map[string]struct {
		t    Threshold
		want string // in the one shortfall; "" for none
	}{
		"kept":       {with(func(t *Threshold) { t.N, t.Trials = 100, 3 }), ""},
		"too slow":   {with(func(t *Threshold) { t.AtMost = bound(1) }), "range of 3 trials), want at most 1"},
		"too little": {with(func(t *Threshold) { t.AtLeast, t.Statistic = bound(2.9), "p90" }), "want at least 2.9"},
		"mean":       {with(func(t *Threshold) { t.AtMost, t.Statistic = bound(1), "mean" }), "mean is 2"},
		"few values": {with(func(t *Threshold) { t.N = 301 }), "n 300, want 301"},
		"few trials": {with(func(t *Threshold) { t.Trials = 6 }), "3 trials, want 6"},
		"ratio":      {with(func(t *Threshold) { t.Over, t.AtMost = process, bound(0.5) }), ""},
		"ratio too great": {with(func(t *Threshold) { t.Over, t.AtMost = process, bound(0.1) }),
			"p50 over deploy process"},
		"ratio to what has few trials": {with(func(t *Threshold) {
			t.Over, t.Trials = &Query{Backend: "process", Path: "hot"}, 2
		}), "has 1 trials, want 2"},
		"ratio to nothing": {with(func(t *Threshold) { t.Over = &Query{Backend: "jail"} }),
			"no series to divide by: deploy jail"},
		"no such series": {with(func(t *Threshold) { t.Series = Query{Metric: "latencies"} }),
			"latencies: there is no such series"},
		"statistic unknown": {with(func(t *Threshold) { t.Statistic = "p42" }), "p42 is not known"},
		"one of two too slow": {with(func(t *Threshold) {
			t.Series, t.AtMost = Query{Metric: MetricLatency, Path: "cold"}, bound(5)
		}),
			"deploy process nodejs20.x cold latency"},
	} {
		short := s.Check([]Threshold{c.t})
		if (c.want == "") != (len(short) == 0) || len(short) > 1 || !strings.Contains(fmt.Sprint(short), c.want) {
			t.Errorf("%s: %v, want %q", name, short, c.want)
		}
	}
}
