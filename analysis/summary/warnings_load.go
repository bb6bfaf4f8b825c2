package summary

import (
	"slices"
	"strconv"
	"strings"

	"github.com/lambdabench/lambdabench/analysis/record"
)

// Kinds of warnings about throughput trials that do not show what their number of functions
// says.
const (
	WarnNotFilled  = "not filled"  // the count did not begin: not every function had answered in the trial's time
	WarnNotCovered = "not covered" // the count ended before every function had answered in it
	WarnFewReplies = "few replies"
)

// WarnSaturated is the kind of an open loop whose offered rate was not kept.
const WarnSaturated = "saturated"

// keptShare is the share of the offered rate below which the rate is not kept. The last
// replies come after the last arrivals, so that a little less is no sign of it.
const keptShare = 0.9

// fewReplies is the number of completions below which a rate is off by a fifth as often as
// not: its relative error is one by the square root of the number.
const fewReplies = 30

// coverageKinds are the kinds of a point that is drawn hollow.
var coverageKinds = []string{WarnNotFilled, WarnNotCovered, WarnFewReplies}

// Covered reports whether a throughput covers the number of functions that it is drawn at.
func (r *Result) Covered() bool {
	return !r.warned(coverageKinds...)
}

// Reason is why a result is not Covered, without the kind of its warning; "" where it is.
func (r *Result) Reason() string {
	for _, w := range r.Warnings {
		if kind := w.Kind(); slices.Contains(coverageKinds, kind) {
			return strings.TrimPrefix(string(w), kind+": ")
		}
	}
	return ""
}

// coverageWarnings tell of the trials in which a count of throughput falls short.
func coverageWarnings(r Result, group []Quantity) []Warning {
	m, err := strconv.Atoi(r.Label(record.LabelFunctions))
	if r.Experiment != record.ExperimentThroughput || err != nil {
		return nil
	}
	short := func(kind string, least int, what string) []Warning {
		n, worst := 0, float64(least)
		for _, q := range group {
			if q.Value < float64(least) {
				n, worst = n+1, min(worst, q.Value)
			}
		}
		if n == 0 {
			return nil
		}
		return []Warning{Warn(kind, "%s of %s %s in %d of %d trials", comma(int(worst)), comma(least), what, n,
			len(group))}
	}
	switch r.Metric {
	case record.MetricFilled:
		return notFilled(group, m)
	case record.MetricDistinct:
		return short(WarnNotCovered, m, "functions answered in the count")
	case record.MetricCompletions:
		return short(WarnFewReplies, fewReplies, "correct replies")
	}
	return nil
}

// notFilled tells of the trials whose count did not begin.
func notFilled(group []Quantity, functions int) []Warning {
	n, least := 0, float64(functions)
	for _, q := range group {
		if q.stopped == record.StoppedFill {
			n, least = n+1, min(least, q.Value)
		}
	}
	if n == 0 {
		return nil
	}
	return []Warning{Warn(WarnNotFilled, "%s of %s functions had answered when the time of %d of %d trials was over",
		comma(int(least)), comma(functions), n, len(group))}
}

// warnOfCoverage hands the warnings of a throughput trial's counts to its rate.
func (s *Summary) warnOfCoverage() {
	q := Query{Experiment: record.ExperimentThroughput}
	for _, r := range s.Find(Query{Experiment: q.Experiment, Metric: record.MetricThroughput}) {
		q.Backend, q.Runtime = r.Backend, r.Runtime
		q.Labels = map[string]string{LabelVia: r.Label(LabelVia),
			record.LabelFunctions: r.Label(record.LabelFunctions)}
		for _, q.Metric = range []string{record.MetricFilled, record.MetricDistinct, record.MetricCompletions} {
			if count := s.One(q); count != nil {
				r.Warnings = append(r.Warnings, slices.DeleteFunc(slices.Clone(count.Warnings),
					func(w Warning) bool { return !slices.Contains(coverageKinds, w.Kind()) })...)
			}
		}
	}
}

// warnOfSaturation marks the results of rates that were not kept.
func (s *Summary) warnOfSaturation() {
	for _, r := range s.Find(Query{Experiment: record.ExperimentRate, Metric: record.MetricThroughput}) {
		q := Query{Experiment: r.Experiment, Backend: r.Backend, Runtime: r.Runtime, Labels: r.Labels}
		of := func(metric string) (v float64) {
			q.Metric = metric
			if found := s.One(q); found != nil {
				v = found.P50
			}
			return v
		}
		offered, unsent := of(record.MetricOffered), of(record.MetricUnsent)
		if unsent == 0 && r.P50 >= keptShare*offered {
			continue
		}
		q.Metric = MetricLatency
		for _, marked := range append(s.Find(q), r) {
			marked.Warnings = append(marked.Warnings, Warn(WarnSaturated,
				"%.3g of %.3g calls a second were answered, %.0f calls were given up", r.P50, offered, unsent))
		}
	}
}

// Saturated reports whether a rate was offered that was not kept.
func (r *Result) Saturated() bool { return r.warned(WarnSaturated) }
