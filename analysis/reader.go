package analysis

import (
	"slices"
	"strconv"

	"github.com/lambdabench/lambdabench/analysis/record"
)

// reader gathers the rows of one trial's file.
type reader struct {
	data data
	last *series // most rows belong where the one before them did
	busy float64
}

func (r *reader) invocation(row record.Invocation) {
	r.data.rows++
	if row.Labels[record.LabelWarmup] == record.Warmup {
		return
	}
	id := identity{experiment: row.Experiment, backend: row.Backend, runtime: row.Runtime, via: row.Via, path: row.Path, labels: row.Labels}
	if slices.Contains(pathless, row.Experiment) {
		id.path = ""
	}
	intended, other := row.Labels[record.LabelIntended]
	if other {
		id.path = intended
	}
	t := r.trial(id, row.Trial)
	if other && row.Path != "" { // one that failed before it had a path took no other
		t.strays[row.Path]++
		return
	}
	t.add(row)
}

// trial finds or makes the place of a row.
func (r *reader) trial(id identity, number int) *trial {
	id.labels = reduced(id.labels)
	if r.last == nil || !r.last.equal(id) {
		i := slices.IndexFunc(r.data.series, func(s *series) bool { return s.equal(id) })
		if i < 0 {
			i = len(r.data.series)
			r.data.series = append(r.data.series, &series{identity: id})
		}
		r.last = r.data.series[i]
	}
	for _, t := range r.last.trials {
		if t.number == number {
			return t
		}
	}
	t := &trial{number: number, stages: map[string][]float64{}, outcomes: map[string]int{}, strays: map[string]int{}, begin: -1}
	r.last.trials = append(r.last.trials, t)
	return t
}

// reduced is labels without those that do not tell series apart. The common
// case, none of them, costs nothing.
func reduced(labels map[string]string) map[string]string {
	for _, k := range notLabels {
		if _, ok := labels[k]; ok {
			own := make(map[string]string, len(labels))
			for k, v := range labels {
				if !slices.Contains(notLabels, k) {
					own[k] = v
				}
			}
			return own
		}
	}
	return labels
}

func (t *trial) add(row record.Invocation) {
	if t.begin < 0 || row.Scheduled < t.begin {
		t.begin = row.Scheduled
	}
	if slices.Contains(timed, row.Experiment) {
		t.points = append(t.points, pointOf(row))
	}
	if row.Outcome != record.OutcomeOK {
		t.failed++
		t.outcomes[row.Outcome]++
		return
	}
	t.end = max(t.end, row.Scheduled+row.Latency)
	for i, ns := range [...]int64{row.Queue, row.Boot, row.Deploy, row.Import, row.Capture, row.Run} {
		have, ok := t.stages[Stages[i]]
		if !ok && ns == 0 {
			continue
		}
		if !ok {
			have = make([]float64, len(t.latency), len(t.latency)+1)
		}
		t.stages[Stages[i]] = append(have, ms(ns))
	}
	t.latency = append(t.latency, ms(row.Latency))
}

func pointOf(row record.Invocation) point {
	p := point{at: float64(row.Scheduled) / 1e9, latency: ms(row.Latency), ok: row.Outcome == record.OutcomeOK, burst: -1, provider: row.Labels[record.LabelProvider]}
	if row.Labels[record.LabelLoad] == record.LoadBurst {
		p.burst, _ = strconv.Atoi(row.Labels[record.LabelBurst])
	}
	return p
}

func ms(ns int64) float64 { return float64(ns) / 1e6 }

func (r *reader) measurement(row record.Measurement) {
	r.data.rows++
	if row.Metric == record.MetricBusy {
		r.busy = row.Value
		return
	}
	id := identity{experiment: row.Experiment, backend: row.Backend, runtime: row.Runtime, via: row.Via, path: row.Path}
	labels := map[string]string{}
	for k, v := range reduced(row.Labels) {
		labels[k] = v
	}
	if row.Source != "" {
		labels[LabelSource] = row.Source
	}
	id.labels = labels
	r.data.quantities = append(r.data.quantities, quantity{identity: id, metric: row.Metric, unit: row.Unit, trial: row.Trial, value: row.Value,
		stopped: row.Labels[record.LabelStopped], detail: row.Labels[record.LabelDetail]})
}

// finish completes what can only be known at the end of the file: how busy the
// machine was, and where calls belong that failed before they had a path.
func (r *reader) finish() *data {
	r.adoptPathless()
	for _, s := range r.data.series {
		for _, t := range s.trials {
			t.busy = r.busy
		}
	}
	for i := range r.data.quantities {
		r.data.quantities[i].busy = r.busy
	}
	return &r.data
}

// adoptPathless gives failures without a path to the one series that differs
// from theirs in the path alone. Where several do, nobody can tell, and they stay.
func (r *reader) adoptPathless() {
	kept := r.data.series[:0:0]
	for _, s := range r.data.series {
		parent := r.onlySibling(s)
		if s.path != "" || parent == nil || len(s.trials) != 1 || len(parent.trials) != 1 || len(s.trials[0].latency) > 0 {
			kept = append(kept, s)
			continue
		}
		lost, t := s.trials[0], parent.trials[0]
		t.failed += lost.failed
		for outcome, n := range lost.outcomes {
			t.outcomes[outcome] += n
		}
	}
	r.data.series = kept
}

func (r *reader) onlySibling(s *series) *series {
	var only *series
	for _, o := range r.data.series {
		id := o.identity
		id.path = s.path
		if o == s || !id.equal(s.identity) {
			continue
		}
		if only != nil {
			return nil
		}
		only = o
	}
	return only
}
