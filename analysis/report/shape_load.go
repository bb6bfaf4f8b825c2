package report

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/lambdabench/lambdabench/analysis/record"
	"github.com/lambdabench/lambdabench/analysis/summary"
)

// isolation is the kind of a backend in the paper's words.
func isolation(backend string) string {
	family, _, _ := strings.Cut(backend, "/")
	return family
}

// The kinds of isolation that the paper compares.
const (
	isolationUnikernel = "unikernel"
	isolationProcess   = "process"
	isolationContainer = "container"
)

// quantity is one that the paper orders its kinds of isolation by.
type quantity struct {
	claim, metric string
	unit          float64
	unitName      string
	lessIsBetter  bool
	lead          float64 // of the unikernel over the process
}

var (
	densityOf = quantity{"Density: unikernel >> process > container", record.MetricBytesPerInstance, mega, "MB each",
		true, farMore}
	creationOf = quantity{"Creation rate: unikernel > process > container", record.MetricCreationRate, 1, "1/s", false,
		1}
)

// isolationsOrdered compares unikernel, process and containers, for each runtime, in the
// states in which the paper has its instances: awake, before or after a call.
func isolationsOrdered(s *summary.Summary, q quantity) Finding {
	c := newCheck(s, record.ExperimentDensity, q.claim)
	for _, rt := range s.Runtimes(record.ExperimentDensity) {
		for _, state := range []string{record.StateBooted, record.StateServed} {
			of, texts := map[string][]*summary.Result{}, []string{}
			for _, r := range s.Find(summary.Query{Experiment: record.ExperimentDensity, Runtime: rt, Metric: q.metric,
				Labels: map[string]string{record.LabelState: state}}) {
				if r.N > 0 && r.P50 > 0 {
					of[isolation(r.Backend)] = append(of[isolation(r.Backend)], r)
					texts = append(texts, r.Backend+" "+number(r.P50/q.unit))
				}
			}
			if len(of[isolationUnikernel]) == 0 || len(of[isolationProcess]) == 0 || len(of[isolationContainer]) == 0 {
				continue
			}
			lead, far, n := q.leads(of[isolationUnikernel], of[isolationProcess], q.lead)
			second, near, m := q.leads(of[isolationProcess], of[isolationContainer], 1)
			c.note(rt, min(n, m), lead && second, "%s, %s: %s %s (%s)", rt, state, strings.Join(texts, ", "),
				q.unitName, strings.Join(append(far, near...), ", "))
		}
	}
	return c.finding("this run does not have all of unikernel, process and container in density", "")
}

// leads reports whether each of some results is better than each of others by more than a
// factor, with the ratios, and the trials of the ratio that rests on fewest.
func (q quantity) leads(some, others []*summary.Result, by float64) (ok bool, ratios []string, trials int) {
	ok = true
	for _, a := range some {
		for _, b := range others {
			high, low := a, b
			if q.lessIsBetter {
				high, low = b, a
			}
			more, g := exceeds(high, low, by)
			ok, ratios = ok && more, append(ratios, told(g))
			if n := min(a.Trials, b.Trials); trials == 0 || n < trials {
				trials = n
			}
		}
	}
	return ok, ratios, trials
}

// throughputFlat compares the least with the greatest throughput of each backend, over the
// M that were covered.
func throughputFlat(s *summary.Summary) Finding {
	c := newCheck(s, record.ExperimentThroughput, "Throughput: flat in M with snapshots, a cliff without")
	both, reason := map[bool]bool{}, ""
	for _, t := range s.Targets(summary.Query{Experiment: record.ExperimentThroughput,
		Metric: record.MetricThroughput}) {
		points := slices.DeleteFunc(s.Find(summary.Query{Experiment: record.ExperimentThroughput, Backend: t.Backend,
			Runtime: t.Runtime, Metric: record.MetricThroughput}), func(r *summary.Result) bool { return !r.Covered() })
		if len(points) < 2 {
			continue
		}
		least, most := extremes(points)
		snapshots := isolation(t.Backend) == isolationUnikernel
		if c.decides(t.Runtime) {
			both[snapshots] = true
		}
		ok, word := isCliff(least, most), "a cliff"
		if snapshots {
			ok, word = isFlat(least, most), "flat"
		}
		c.note(t.Runtime, min(least.Trials, most.Trials), ok, "%s, %s: %s, from %s to %s 1/s at M = %s and %s",
			t.Backend, t.Runtime, word, number(most.P50), number(least.P50), most.Label(record.LabelFunctions),
			least.Label(record.LabelFunctions))
		if m := flatFrom(s, points); snapshots && !ok && m != "" && c.decides(t.Runtime) {
			reason = fmt.Sprintf("%s is flat from M = %s on; at a smaller M calls are hot", t.Backend, m)
		}
	}
	if !both[true] || !both[false] {
		c.any = false
	}
	return c.finding("this run does not have backends both with and without snapshots in throughput, at two values "+
		"of M or more", reason)
}

// extremes are the points of the least and of the greatest throughput.
func extremes(points []*summary.Result) (least, most *summary.Result) {
	least, most = points[0], points[0]
	for _, r := range points {
		if r.P50 < least.P50 {
			least = r
		}
		if r.P50 > most.P50 {
			most = r
		}
	}
	return least, most
}

func isFlat(least, most *summary.Result) bool {
	ok, _ := exceeds(least, most, flatShare)
	return ok
}

// isCliff reports whether throughput falls far, and does so towards more functions.
func isCliff(least, most *summary.Result) bool {
	ok, _ := exceeds(most, least, cliff)
	return ok && functionsOf(most) < functionsOf(least)
}

func functionsOf(r *summary.Result) int {
	m, err := strconv.Atoi(r.Label(record.LabelFunctions))
	if err != nil {
		return 0
	}
	return m
}

// fewHot is the share of hot calls up to which a throughput is that of other calls.
const fewHot = 0.1

// flatFrom is the least M of the points at which few calls are hot, where those are two or
// more and flat; "" where not.
func flatFrom(s *summary.Summary, points []*summary.Result) string {
	started := slices.DeleteFunc(slices.Clone(points), func(r *summary.Result) bool {
		hot := s.One(summary.Query{Experiment: r.Experiment, Backend: r.Backend, Runtime: r.Runtime,
			Metric: record.MetricHotShare, Labels: r.Labels})
		return hot == nil || hot.P50 > fewHot
	})
	if len(started) < 2 || !isFlat(extremes(started)) {
		return ""
	}
	return slices.MinFunc(started, func(a, b *summary.Result) int { return functionsOf(a) - functionsOf(b) }).
		Label(record.LabelFunctions)
}
