package summary

import (
	"slices"
	"strconv"

	"github.com/lambdabench/lambdabench/analysis/record"
)

// reader gathers the rows of one trial's file.
type reader struct {
	data Data
	last *Series // most rows belong to the series of the row before
	busy float64
	host conditions
}

func (r *reader) invocation(row record.Invocation) {
	r.data.Rows++
	if row.Labels[record.LabelWarmup] == record.Warmup {
		return
	}
	id := Identity{Experiment: row.Experiment, Backend: row.Backend, Runtime: row.Runtime, Via: row.Via, Path: row.Path,
		Labels: row.Labels}
	if slices.Contains(pathless, row.Experiment) {
		id.Path = ""
	}
	intended, other := row.Labels[record.LabelIntended]
	if other {
		id.Path = intended
	}
	t := r.trial(id, row.Trial)
	if other && row.Path != "" { // an invocation that failed before it had a path took no other path
		t.strays[row.Path]++
		return
	}
	t.add(row)
}

// trial finds or makes the place of a row.
func (r *reader) trial(id Identity, number int) *Trial {
	id.Labels = reduced(id.Labels)
	if r.last == nil || !r.last.equal(id) {
		i := slices.IndexFunc(r.data.Series, func(s *Series) bool { return s.equal(id) })
		if i < 0 {
			i = len(r.data.Series)
			r.data.Series = append(r.data.Series, &Series{Identity: id})
		}
		r.last = r.data.Series[i]
	}
	for _, t := range r.last.Trials {
		if t.Number == number {
			return t
		}
	}
	t := &Trial{Number: number, stages: map[string][]float64{}, outcomes: map[string]int{}, strays: map[string]int{},
		begin: -1}
	r.last.Trials = append(r.last.Trials, t)
	return t
}

// reduced is labels without notLabels. It copies only where there is one of those.
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

func (t *Trial) add(row record.Invocation) {
	if t.begin < 0 || row.Scheduled < t.begin {
		t.begin = row.Scheduled
	}
	t.late.add(row)
	if slices.Contains(timed, row.Experiment) {
		t.Points = append(t.Points, pointOf(row))
	}
	if row.Outcome != record.OutcomeOK {
		t.Failed++
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
			have = make([]float64, len(t.Latency), len(t.Latency)+1)
		}
		t.stages[Stages[i]] = append(have, ms(ns))
	}
	t.Latency = append(t.Latency, ms(row.Latency))
}

func pointOf(row record.Invocation) Point {
	p := Point{At: float64(row.Scheduled) / 1e9, Latency: ms(row.Latency), OK: row.Outcome == record.OutcomeOK,
		Burst: -1, Provider: row.Labels[record.LabelProvider]}
	if row.Labels[record.LabelLoad] == record.LoadBurst {
		p.Burst, _ = strconv.Atoi(row.Labels[record.LabelBurst])
	}
	return p
}

func ms(ns int64) float64 { return float64(ns) / 1e6 }

func (r *reader) measurement(row record.Measurement) {
	r.data.Rows++
	if row.Metric == record.MetricBusy {
		r.busy = row.Value
		return
	}
	if slices.Contains(record.Conditions(), row.Metric) {
		r.host.add(row)
		return
	}
	id := Identity{Experiment: row.Experiment, Backend: row.Backend, Runtime: row.Runtime, Via: row.Via, Path: row.Path}
	labels := map[string]string{}
	for k, v := range reduced(row.Labels) {
		labels[k] = v
	}
	if row.Source != "" {
		labels[LabelSource] = row.Source
	}
	id.Labels = labels
	r.data.measured = append(r.data.measured, Quantity{Identity: id, Metric: row.Metric, Unit: row.Unit,
		trial: row.Trial, Value: row.Value,
		stopped: row.Labels[record.LabelStopped], detail: row.Labels[record.LabelDetail]})
}

// finish does the work that needs the whole file: it notes the block and how busy the machine
// was, and finds the series of the calls that failed before they had a path.
func (r *reader) finish(block int) *Data {
	r.adoptPathless()
	for _, s := range r.data.Series {
		for _, t := range s.Trials {
			t.busy, t.Block, t.host = r.busy, block, r.host
		}
	}
	for i := range r.data.measured {
		r.data.measured[i].busy, r.data.measured[i].block, r.data.measured[i].host = r.busy, block, r.host
	}
	return &r.data
}

// adoptPathless adds failures without a path to the one series that differs from theirs in
// the path alone. Where several series do, the failures stay a series of their own.
func (r *reader) adoptPathless() {
	kept := r.data.Series[:0:0]
	for _, s := range r.data.Series {
		parent := r.onlySibling(s)
		if s.Path != "" || parent == nil || len(s.Trials) != 1 || len(parent.Trials) != 1 ||
			len(s.Trials[0].Latency) > 0 {
			kept = append(kept, s)
			continue
		}
		lost, t := s.Trials[0], parent.Trials[0]
		t.Failed += lost.Failed
		for outcome, n := range lost.outcomes {
			t.outcomes[outcome] += n
		}
	}
	r.data.Series = kept
}

func (r *reader) onlySibling(s *Series) *Series {
	var only *Series
	for _, o := range r.data.Series {
		id := o.Identity
		id.Path = s.Path
		if o == s || !id.equal(s.Identity) {
			continue
		}
		if only != nil {
			return nil
		}
		only = o
	}
	return only
}
