package summary

import (
	"fmt"
	"math"

	"github.com/lambdabench/lambdabench/analysis/statistics"
)

// Threshold is a bound that every series it selects has to keep.
type Threshold struct {
	Series    Query    // Metric is set
	Statistic string   // one of Statistics
	Over      *Query   // the bound is on the ratio to the series that differs in these; nil: on the figure itself
	AtMost    *float64 // nil for none
	AtLeast   *float64 // nil for none
	N, Trials int      // the least number of values and of trials
}

// Statistics are the figures of a result that a threshold can bound.
var Statistics = []string{"p50", "p90", "p95", "p99", "p999", "mean"}

// Shortfall is a threshold that a run does not keep.
type Shortfall struct {
	Threshold int    // its place in the list, from 0
	Series    string // in words
	Reason    string
}

func (s Shortfall) String() string { return s.Series + ": " + s.Reason }

// Check lists where the run falls short. A threshold that selects nothing falls short, as does a
// series that has too few values.
func (s *Summary) Check(thresholds []Threshold) []Shortfall {
	var all []Shortfall
	for i, t := range thresholds {
		found := s.Find(t.Series)
		if len(found) == 0 {
			all = append(all, Shortfall{i, t.Series.String(), "there is no such series in the run"})
		}
		for _, r := range found {
			if reason := s.reason(t, r); reason != "" {
				all = append(all, Shortfall{i, r.series().String(), reason})
			}
		}
	}
	return all
}

// reason says why a series does not keep a threshold; "" where it does.
func (s *Summary) reason(t Threshold, r *Result) string {
	if few := t.few(r); few != "" {
		return few
	}
	e, what := r.estimate(t.Statistic), t.Statistic
	if t.Over != nil {
		q := r.series().with(*t.Over)
		base := s.One(q)
		if base == nil {
			return "there is no series to divide by: " + q.String()
		}
		if few := t.few(base); few != "" {
			return "the series to divide by, " + q.String() + ", has " + few
		}
		e, what = ratioOf(r, base, t.Statistic), t.Statistic+" over "+q.String()
	}
	switch {
	case math.IsNaN(e.Value):
		return what + " is not known"
	case t.AtMost != nil && !(e.Value <= *t.AtMost):
		return fmt.Sprintf("%s is %s, want at most %g", what, figure(e), *t.AtMost)
	case t.AtLeast != nil && !(e.Value >= *t.AtLeast):
		return fmt.Sprintf("%s is %s, want at least %g", what, figure(e), *t.AtLeast)
	}
	return ""
}

func (t Threshold) few(r *Result) string {
	switch {
	case r.N < t.N:
		return fmt.Sprintf("n %d, want %d", r.N, t.N)
	case r.Trials < t.Trials:
		return fmt.Sprintf("%d trials, want %d", r.Trials, t.Trials)
	}
	return ""
}

// estimate is a figure of a result; the median has its interval.
func (r *Result) estimate(statistic string) statistics.Estimate {
	if statistic == "p50" {
		return statistics.Estimate{Value: r.P50, Interval: r.Bounds()}
	}
	or := func(v *float64) float64 {
		if v == nil {
			return math.NaN()
		}
		return *v
	}
	value, ok := map[string]float64{"p90": r.P90, "p95": or(r.P95), "p99": r.P99, "p999": r.P999,
		"mean": or(r.Mean)}[statistic]
	if !ok {
		value = math.NaN()
	}
	return statistics.Estimate{Value: value}
}

func ratioOf(r, base *Result, statistic string) statistics.Estimate {
	if statistic == "p50" {
		return r.Gain(base)
	}
	return statistics.Estimate{Value: r.estimate(statistic).Value / base.estimate(statistic).Value}
}

// figure is an estimate in words.
func figure(e statistics.Estimate) string {
	text := fmt.Sprintf("%.4g", e.Value)
	switch {
	case e.Kind == "" || e.Trials == 1:
		return text
	case e.Kind == statistics.Range:
		return fmt.Sprintf("%s (%.4g–%.4g, range of %d trials)", text, e.Low, e.High, e.Trials)
	}
	return fmt.Sprintf("%s [%.4g, %.4g]", text, e.Low, e.High)
}

// series is the query that selects a result alone.
func (r *Result) series() Query {
	return Query{Experiment: r.Experiment, Backend: r.Backend, Runtime: r.Runtime, Path: r.Path, Metric: r.Metric,
		Labels: r.Labels}
}
