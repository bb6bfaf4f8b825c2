package analysis

import (
	"fmt"
	"slices"
	"strings"

	"github.com/lambdabench/lambdabench/analysis/record"
)

// Schema is the version of summary.json. Fields may be added within a version.
const Schema = 1

// Summary is a run in figures; summary.json is its JSON.
type Summary struct {
	Schema  int            `json:"schema"`
	Run     Run            `json:"run"`
	Machine record.Machine `json:"machine"`
	Results []Result       `json:"results"` // in the order of Less

	baseline string
}

// Run says which run this is and how much of it there is.
type Run struct {
	Name    string `json:"name"`    // the folder's
	Suite   string `json:"suite"`   // its name, "" where suite.yaml gives none
	Seed    uint64 `json:"seed"`    // of the suite
	Trials  int    `json:"trials"`  // recorded
	Planned int    `json:"planned"` // 0 where the folder has no plan
}

// Result is one figure of one series: everything that shares experiment,
// backend, runtime, path and labels. Quantities per trial (throughput, a density, a
// rate) have one value a trial, latencies one an invocation; N says how
// many. Of an error_rate, P50 is the share of all invocations that failed, P90
// and P99 are over the trials' shares.
type Result struct {
	Experiment string            `json:"experiment"`
	Backend    string            `json:"backend"`
	Runtime    string            `json:"runtime"`
	Path       string            `json:"path"` // empty where it has no meaning
	Metric     string            `json:"metric"`
	Unit       string            `json:"unit"`
	Labels     map[string]string `json:"labels"` // "via" among them, and what the experiment varied
	N          int               `json:"n"`
	P50        float64           `json:"p50"`
	P90        float64           `json:"p90"`
	P99        float64           `json:"p99"`
	P999       float64           `json:"p999,omitempty"` // of invocations; mind the warning where they are too few
	CILow      float64           `json:"ci_low"`         // of the median, 95 %
	CIHigh     float64           `json:"ci_high"`
	Warnings   []Warning         `json:"warnings"`
}

// Metrics that the analysis adds to those of package record.
const (
	MetricLatency        = "latency"         // ms, of correct replies
	MetricStageLatency   = "stage_latency"   // ms, label "stage"
	MetricErrorRate      = "error_rate"      // share of the invocations that failed
	MetricLongestSilence = "longest_silence" // s, longest time without a background reply in a burst trial
	MetricMaxLatency     = "max_latency"     // ms, the slowest correct reply of a burst trial
	MetricFirstError     = "first_error"     // s, when the first invocation of a burst trial that failed was due
	MetricSpeedup        = "speedup"         // mean latency of a fixed schedule over that of the adaptive one, label "over"
)

// Labels that the analysis adds.
const (
	LabelVia    = "via"    // record.ViaSandbox, …
	LabelStage  = "stage"  // one of Stages
	LabelSource = "source" // how a memory figure was measured
	LabelOver   = "over"   // the schedule that a speedup is over
)

// Warning is something that a reader of a figure must know. It begins with its
// kind: "noisy: interval wider than 10 %".
type Warning string

// Kinds of warnings.
const (
	WarnNoisy        = "noisy"
	WarnTooFew       = "too few samples"
	WarnErrors       = "errors"
	WarnLoad         = "load before the run"
	WarnDirty        = "dirty tree"
	WarnSampled      = "memory is sampled"
	WarnSingleTrial  = "single trial"
	WarnLittleMemory = "little memory"
	WarnFewTrials    = "few trials"
	WarnStrays       = "other paths"
	WarnStopped      = "stopped early"
	WarnInvalid      = "invalid values"
	WarnIncomplete   = "incomplete"
	WarnEmpty        = "no records"
)

// tail999 ends the kind of the warning that p99.9 rests on too few samples.
const tail999 = " for p99.9"

func warning(kind, format string, args ...any) Warning {
	return Warning(kind + ": " + fmt.Sprintf(format, args...))
}

// Kind is the part before the colon.
func (w Warning) Kind() string {
	kind, _, _ := strings.Cut(string(w), ":")
	return kind
}

// Label is a label's value, "" where there is none.
func (r *Result) Label(name string) string { return r.Labels[name] }

// Key tells results of one run apart, and finds the same one in another run.
func (r *Result) Key() string {
	return strings.Join([]string{r.Experiment, r.Backend, r.Runtime, r.Path, r.Metric, r.Unit, labelString(r.Labels)}, "\x00")
}

// Query selects results. Empty fields do not select.
type Query struct {
	Experiment, Backend, Runtime, Path, Metric string
	Labels                                     map[string]string // all of these; "" means: has no such label
}

func (q Query) matches(r *Result) bool {
	for _, f := range [][2]string{{q.Experiment, r.Experiment}, {q.Backend, r.Backend}, {q.Runtime, r.Runtime}, {q.Path, r.Path}, {q.Metric, r.Metric}} {
		if f[0] != "" && f[0] != f[1] {
			return false
		}
	}
	for k, v := range q.Labels {
		if r.Labels[k] != v {
			return false
		}
	}
	return true
}

// Find returns the results that a query selects, in order.
func (s *Summary) Find(q Query) []*Result {
	var found []*Result
	for i := range s.Results {
		if q.matches(&s.Results[i]) {
			found = append(found, &s.Results[i])
		}
	}
	return found
}

// One returns the first result that a query selects; nil if there is none.
func (s *Summary) One(q Query) *Result {
	if found := s.Find(q); len(found) > 0 {
		return found[0]
	}
	return nil
}

// Experiments lists the experiments that have results, in the order in which
// they are shown.
func (s *Summary) Experiments() []string {
	return s.distinct(func(r *Result) string { return r.Experiment }, experimentRank)
}

// Backends lists the backends that have results, by name.
func (s *Summary) Backends() []string {
	return s.distinct(func(r *Result) string { return r.Backend }, nil)
}

func (s *Summary) distinct(of func(*Result) string, rank func(string) int) []string {
	var all []string
	for i := range s.Results {
		if v := of(&s.Results[i]); v != "" && !slices.Contains(all, v) {
			all = append(all, v)
		}
	}
	slices.SortFunc(all, func(a, b string) int { return compareBy(rank, a, b) })
	return all
}

// Baseline is the backend that ratios are taken against; "" if the run has none.
func (s *Summary) Baseline() string {
	if s.baseline != "" {
		return s.baseline
	}
	return BaselineOf(s.Backends())
}

// BaselineOf picks the baseline among backends: the plain process, for whoever
// wants to know what isolation costs; else the first by name.
func BaselineOf(backends []string) string {
	if slices.Contains(backends, "process") {
		return "process"
	}
	if len(backends) > 0 {
		return backends[0]
	}
	return ""
}
