package report

import (
	"fmt"

	"github.com/lambdabench/lambdabench/analysis/record"
	"github.com/lambdabench/lambdabench/analysis/summary"
)

// suffers is the factor by which a control is slower than the backend with snapshots, or
// silent for longer, where it suffers from the bursts.
const suffers = 5.0

// leastBursts is the number of bursts in each of the paper's figures 6 to 8.
const leastBursts = 10

// Reasons why bursts show nothing, whatever the errors.
const (
	burstsTooMild    = "the bursts are milder than the paper's"
	controlUnharmed  = "the control did not suffer"
	controlIsMissing = "there is no control"
)

// burstsSafe tells whether snapshots protect from bursts. Where every backend stands the
// bursts, a run without errors shows nothing: a control, a backend without snapshots under
// the same bursts, must fail or slow down. And the bursts must be such as the paper's: ten,
// of more calls than there are stem cells, which in all need more sandboxes than there can
// be.
func burstsSafe(s *summary.Summary) Finding {
	c := newCheck(s, record.ExperimentBurst, "Bursts: no error with snapshots at any period, where a control fails or "+
		"slows")
	reason := ""
	for _, t := range s.Targets(summary.Query{Experiment: record.ExperimentBurst, Metric: summary.MetricErrorRate}) {
		if isolation(t.Backend) != isolationUnikernel {
			continue
		}
		for _, period := range s.LabelValues(summary.Query{Experiment: record.ExperimentBurst, Backend: t.Backend,
			Runtime: t.Runtime}, record.LabelPeriod) {
			b := burstsOf(s, t.Backend, t.Runtime, period)
			c.note(t.Runtime, 0, b.failed == 0, "%s, %s, every %s: %.0f of %s failed", t.Backend, t.Runtime, period,
				b.failed, count(b.n))
			lack, said := b.proveNothing(s)
			if c.Evidence = append(c.Evidence, said...); lack != "" && c.decides(t.Runtime) {
				reason = lack
			}
		}
	}
	f := c.finding("no backend with snapshots has bursts in this run", "")
	if f.Verdict.Kind() == Shown && reason != "" {
		f.Verdict = NotShown.because(reason)
	}
	return f
}

// proveNothing is the reason why bursts without an error show nothing, "" where they show
// something, and what is to be said of the controls.
func (b bursts) proveNothing(s *summary.Summary) (reason string, said []string) {
	if mild := b.mild(); mild != "" {
		return burstsTooMild, []string{mild}
	}
	harmed, said := controls(s, b)
	switch {
	case harmed:
		return "", said
	case len(said) == 0:
		return controlIsMissing, nil
	}
	return controlUnharmed, said
}

// bursts is what one backend did under bursts of one period.
type bursts struct {
	backend, runtime, period string
	failed                   float64
	n                        int
	slowest, silence         *summary.Result // ms, s; nil where no call of that load succeeded
	of                       func(metric string) float64
}

func burstsOf(s *summary.Summary, backend, rt, period string) bursts {
	find := func(metric, load string) []*summary.Result {
		q := summary.Query{Experiment: record.ExperimentBurst, Backend: backend, Runtime: rt, Metric: metric,
			Labels: map[string]string{record.LabelPeriod: period}}
		if load != "" {
			q.Labels[record.LabelLoad] = load
		}
		return s.Find(q)
	}
	one := func(metric, load string) *summary.Result {
		if all := find(metric, load); len(all) > 0 && all[0].N > 0 {
			return all[0]
		}
		return nil
	}
	b := bursts{backend: backend, runtime: rt, period: period,
		slowest: one(summary.MetricMaxLatency, record.LoadBurst),
		silence: one(summary.MetricLongestSilence, record.LoadBackground),
		of: func(metric string) float64 {
			if r := one(metric, ""); r != nil {
				return r.P50
			}
			return 0
		}}
	for _, r := range find(summary.MetricErrorRate, "") {
		b.failed, b.n = b.failed+r.P50*float64(r.N), b.n+r.N
	}
	return b
}

// mild says in what the bursts are milder than the paper's; "" where they are not.
func (b bursts) mild() string {
	n, size := b.of(record.MetricBursts), b.of(record.MetricBurstSize)
	stems, most := b.of(record.MetricStemCells), b.of(record.MetricMostInstances)
	switch {
	case n == 0:
		return "the records do not tell how many bursts there were, and of what size"
	case n < leastBursts:
		return fmt.Sprintf("%.0f bursts, the paper has %d", n, leastBursts)
	case size <= stems:
		return fmt.Sprintf("%.0f calls a burst are not more than the %.0f stem cells", size, stems)
	case n*size <= most:
		return fmt.Sprintf("all bursts together need no more than the %.0f sandboxes that there can be", most)
	}
	return ""
}

// controls compares the backends without snapshots with one that has some, under the same
// bursts, and says what became of each.
func controls(s *summary.Summary, b bursts) (harmed bool, said []string) {
	for _, t := range s.Targets(summary.Query{Experiment: record.ExperimentBurst, Runtime: b.runtime,
		Metric: summary.MetricErrorRate, Labels: map[string]string{record.LabelPeriod: b.period}}) {
		if isolation(t.Backend) == isolationUnikernel {
			continue
		}
		c := burstsOf(s, t.Backend, b.runtime, b.period)
		slower, _ := ratio(c.slowest, b.slowest, false)
		silent, _ := ratio(c.silence, b.silence, false)
		suffered := c.failed > 0 || slower.Value >= suffers || silent.Value >= suffers
		harmed = harmed || suffered
		verb := "does not suffer"
		if suffered {
			verb = "suffers"
		}
		said = append(said, fmt.Sprintf("control %s %s: %.0f of %s failed, slowest call %s, silence %s", c.backend,
			verb, c.failed, count(c.n), gain(c.slowest, b.slowest, false), gain(c.silence, b.silence, false)))
	}
	return harmed, said
}
