package summary

import (
	"maps"
	"strings"

	"github.com/lambdabench/lambdabench/analysis/record"
)

// Identity is what the rows of one series share.
type Identity struct {
	Experiment, Backend, Runtime, Via, Path string
	Labels                                  map[string]string // without those in notLabels
}

func (a Identity) equal(b Identity) bool {
	return a.Experiment == b.Experiment && a.Backend == b.Backend && a.Runtime == b.Runtime &&
		a.Via == b.Via && a.Path == b.Path && maps.Equal(a.Labels, b.Labels)
}

func (a Identity) key() string {
	return strings.Join([]string{a.Experiment, a.Backend, a.Runtime, a.Via, a.Path, labelString(a.Labels)}, "\x00")
}

// notLabels are labels of rows that do not tell series apart.
var notLabels = []string{
	record.LabelWarmup, record.LabelIntended, record.LabelBurst, record.LabelStopped, record.LabelProvider,
	record.LabelDetail,
}

// pathless experiments mix paths on purpose: the mixture is what they measure.
var pathless = []string{record.ExperimentThroughput, record.ExperimentBurst, record.ExperimentMPSC,
	record.ExperimentScheduling, record.ExperimentTrace, record.ExperimentRate}

// timed experiments are drawn over time, so each of their invocations is kept.
var timed = []string{record.ExperimentBurst, record.ExperimentMPSC}

// Data is all records of a run, or of one file, by series.
type Data struct {
	Series []*Series
	Rows   int

	measured []Quantity // measurements of the records
}

// Series is the invocations of all trials that share an identity.
type Series struct {
	Identity
	Trials []*Trial // by number
}

// Pooled is the latencies of all trials, in the order of the trials.
func (s *Series) Pooled() []float64 {
	var all []float64
	for _, t := range s.Trials {
		all = append(all, t.Latency...)
	}
	return all
}

// Trial is the part of one trial in a series.
type Trial struct {
	Number  int
	Block   int       // repeat of the experiment; 0 where it is not known
	Latency []float64 // ms, of correct replies
	Failed  int
	Points  []Point // of timed experiments

	stages   map[string][]float64 // ms, as long as Latency; a stage that never occurs has no entry
	outcomes map[string]int       // of the failed
	strays   map[string]int       // invocations that took another path than this one, by path
	begin    int64                // ns, first scheduled
	end      int64                // ns, last correct reply
	busy     float64              // share of the processors in use before the trial; -1 where not measured
	late     lateness
	host     conditions
}

// Point is one invocation on a time axis.
type Point struct {
	At       float64 // s since the trial's start, when the invocation was scheduled
	Latency  float64 // ms
	OK       bool
	Burst    int // number of the burst; -1 in the background
	Provider string
}

// Quantity is one value of one trial.
type Quantity struct {
	Identity
	Metric, Unit string
	Value        float64

	trial   int
	block   int
	stopped string
	detail  string
	busy    float64
	host    conditions
}

// Trial is the number of the trial that the value is of.
func (q Quantity) Trial() int { return q.trial }
