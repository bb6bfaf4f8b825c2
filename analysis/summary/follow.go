package summary

import (
	"fmt"
	"path/filepath"
	"slices"

	"github.com/lambdabench/lambdabench/analysis/record"
	"github.com/lambdabench/lambdabench/analysis/statistics"
)

// Follower summarises a run folder that grows. Each record file is read once, when it has
// appeared: a trial's file is there wholly or not at all.
type Follower struct {
	Dir string

	parts  []*Data
	read   map[string]bool
	last   *Summary
	trials map[string][]float64
}

// Update reads what is new. changed says whether anything was; the summary is then another
// one than before.
func (f *Follower) Update() (s *Summary, changed bool, err error) {
	files, err := record.Files(f.Dir)
	if err != nil {
		return nil, false, fmt.Errorf("list record files: %w", err)
	}
	if f.read == nil {
		f.read = map[string]bool{}
	}
	for _, file := range files {
		name := filepath.Base(file)
		if f.read[name] {
			continue
		}
		d, err := readTrial(file)
		if err != nil {
			return nil, false, err
		}
		f.parts, f.read[name], changed = append(f.parts, d), true, true
	}
	if f.last != nil && !changed {
		return f.last, false, nil
	}
	run, err := describeRun(f.Dir)
	if err != nil {
		return nil, false, err
	}
	d := merge(f.parts)
	f.last, f.trials = &Summary{Schema: Schema, Run: run, Results: results(d)}, trialValues(d)
	return f.last, true, nil
}

// Trials are the values of the trials behind each result of the last Update, by the result's
// Key, in the order of the trials: medians of latencies, quantities as they are.
func (f *Follower) Trials() map[string][]float64 { return f.trials }

func trialValues(d *Data) map[string][]float64 {
	all := map[string][]float64{}
	for _, s := range d.Series {
		r := s.Result(MetricLatency, "ms")
		for _, t := range s.Trials {
			if sorted, _ := statistics.Clean(slices.Clone(t.Latency)); len(sorted) > 0 {
				all[r.Key()] = append(all[r.Key()], statistics.Quantile(0.5, sorted))
			}
		}
	}
	quantities := d.Quantities()
	slices.SortStableFunc(quantities, func(a, b Quantity) int { return a.trial - b.trial })
	for _, q := range quantities {
		if sorted, _ := statistics.Clean([]float64{q.Value}); len(sorted) > 0 {
			r := q.Result(q.Metric, q.Unit)
			all[r.Key()] = append(all[r.Key()], q.Value)
		}
	}
	return all
}
