// Package summary turns a run's records into a summary: for each series of rows its
// median with an interval, its tail and the warnings that a reader of the figure must know.
// It runs nothing and knows no backend; the summary follows from the records alone.
//
//	s, data, err := summary.Read("runs/today", "")
//	if err != nil { … }
//	for _, r := range s.Find(summary.Query{Experiment: "deploy", Metric: summary.MetricLatency}) { … }
//	err = s.Save("runs/today") // summary.json
//
// A record goes through these files: reader.go gathers the rows of one trial's file,
// collect.go merges the trials into [Data], results.go and timelines.go make results of
// series and quantities, warnings.go says what speaks against them, order.go orders them.
//
// # What counts
//
// Invocations marked as warm-up do not count. Invocations that took another path than the
// one that their trial set out to measure do not count either; a warning counts them.
// Latencies are those of correct replies; error_rate tells the failed ones.
//
// Values of one trial are not independent of each other, so trials are the unit. P50 is the
// median of the trials' medians, and its interval is of the median over all trials that could
// have been run. From six trials on the interval has a level of 95 %; with fewer it is the range
// of the trials. Package statistics names the source of each method.
package summary

import (
	"cmp"
	"strings"

	"github.com/lambdabench/lambdabench/analysis/record"
	"github.com/lambdabench/lambdabench/analysis/statistics"
)

// Schema is the version of summary.json. Fields may be added within a version. Version 1 has
// no mean, sd, p95, trials, interval and per_trial; its p50 is the median of all values.
const Schema = 2

// Summary is a run in figures; summary.json is its JSON.
type Summary struct {
	Schema  int            `json:"schema"`
	Run     Run            `json:"run"`
	Machine record.Machine `json:"machine"`
	Results []Result       `json:"results"` // in the order of Less

	baseline string
}

// Run tells which run this is and how much of it is recorded.
type Run struct {
	Name    string `json:"name"`    // the folder's
	Suite   string `json:"suite"`   // its name, "" where suite.yaml gives none
	Seed    uint64 `json:"seed"`    // of the suite
	Trials  int    `json:"trials"`  // recorded
	Planned int    `json:"planned"` // 0 where the folder has no plan
}

// Result is one figure of one series: of all rows that share experiment, backend,
// runtime, path and labels. A quantity of trials (throughput, a density, a rate) has one
// value per trial, a latency one per invocation; N is the number of values.
//
// P50 is the median over trials: of a latency of the trials' medians, of a quantity of the
// trials' values. P90 to P999, Mean and SD are over all values. Of an error_rate, P50 is the
// share of all invocations that failed; the others are over the trials' shares. Of a speedup
// all are over the pairs of trials.
type Result struct {
	Experiment string             `json:"experiment"`
	Backend    string             `json:"backend"`
	Runtime    string             `json:"runtime"`
	Path       string             `json:"path"` // empty where it has no meaning
	Metric     string             `json:"metric"`
	Unit       string             `json:"unit"`
	Labels     map[string]string  `json:"labels"` // "via" among them, and what the experiment varied
	N          int                `json:"n"`
	P50        float64            `json:"p50"`
	P90        float64            `json:"p90"`
	P95        *float64           `json:"p95"` // nil in a summary of schema 1
	P99        float64            `json:"p99"`
	P999       float64            `json:"p999,omitempty"` // of invocations; mind the warning where they are too few
	Mean       *float64           `json:"mean"`           // nil in a summary of schema 1
	SD         *float64           `json:"sd"`             // of the values; nil also where there are fewer than two
	Trials     int                `json:"trials"`         // that have a value; 0 in a summary of schema 1
	Interval   statistics.Kind    `json:"interval"`       // what the bounds promise; empty in a summary of schema 1
	CILow      float64            `json:"ci_low"`         // of P50
	CIHigh     float64            `json:"ci_high"`
	PerTrial   []statistics.Trial `json:"per_trial"` // the values that P50 is over
	Warnings   []Warning          `json:"warnings"`
}

// Metrics that the analysis adds to those of package record.
const (
	MetricLatency        = "latency"         // ms, of correct replies
	MetricStageLatency   = "stage_latency"   // ms, label "stage"
	MetricErrorRate      = "error_rate"      // share of the invocations that failed
	MetricLongestSilence = "longest_silence" // s, longest time without a background reply in a burst trial
	MetricMaxLatency     = "max_latency"     // ms, the slowest correct reply of a burst trial
	MetricFirstError     = "first_error"     // s, when the first invocation of a burst trial that failed was due
	// mean latency of a fixed schedule over that of the adaptive one, label "over"
	MetricSpeedup = "speedup"
)

// Labels that the analysis adds.
const (
	LabelVia    = "via"    // record.ViaSandbox, …
	LabelStage  = "stage"  // one of Stages
	LabelSource = "source" // how a memory figure was measured
	LabelOver   = "over"   // the schedule that a speedup is over
)

// Label is a label's value, "" where there is none.
func (r *Result) Label(name string) string { return r.Labels[name] }

// Key tells results of one run apart, and finds the same result in another run.
func (r *Result) Key() string {
	return strings.Join([]string{r.Experiment, r.Backend, r.Runtime, r.Path, r.Metric, r.Unit, labelString(r.Labels)},
		"\x00")
}

// Less orders results: by experiment and path as they are shown, labels as
// numbers or durations where they are some, everything else by name.
func Less(a, b *Result) int {
	return cmp.Or(
		compareBy(experimentRank, a.Experiment, b.Experiment),
		cmp.Compare(a.Backend, b.Backend),
		cmp.Compare(a.Runtime, b.Runtime),
		ComparePaths(a.Path, b.Path),
		cmp.Compare(a.Metric, b.Metric),
		cmp.Compare(a.Unit, b.Unit),
		compareLabels(a.Labels, b.Labels),
	)
}

func compareLabels(a, b map[string]string) int {
	ka, kb := sortedKeys(a), sortedKeys(b)
	for i := range min(len(ka), len(kb)) {
		if c := cmp.Or(cmp.Compare(ka[i], kb[i]), CompareValues(a[ka[i]], b[kb[i]])); c != 0 {
			return c
		}
	}
	return cmp.Compare(len(ka), len(kb))
}
