package bench

import (
	"maps"

	"github.com/lambdabench/lambdabench/analysis/record"
)

// Sink takes a trial's rows. Its methods are for one goroutine at a time.
type Sink struct {
	trial Trial
	w     *record.Writer
	Rows  int // so far
}

// NewSink writes a trial's rows with w, each labelled as the trial is.
func NewSink(t Trial, w *record.Writer) *Sink { return &Sink{trial: t, w: w} }

// Invocation writes one row. The sink fills in the fields that the trial determines; it
// keeps the row's Via if that is set, and adds the row's labels to the trial's.
func (s *Sink) Invocation(r record.Invocation) {
	s.Rows++
	s.fill(&r.Experiment, &r.Trial, &r.Backend, &r.Runtime, &r.Via, &r.Labels)
	s.w.Invocation(r)
}

// Measurement writes one figure of the whole trial, in the same way.
func (s *Sink) Measurement(r record.Measurement) {
	s.fill(&r.Experiment, &r.Trial, &r.Backend, &r.Runtime, &r.Via, &r.Labels)
	s.w.Measurement(r)
}

func (s *Sink) fill(experiment *string, trial *int, backend, runtime, via *string, labels *map[string]string) {
	t := s.trial
	*experiment, *trial, *backend, *runtime = t.Experiment, t.Number, t.Target.Backend, t.Target.Interpreter.Runtime
	if *via == "" {
		*via = t.Via
	}
	if len(*labels) == 0 {
		*labels = t.Labels
		return
	}
	all := make(map[string]string, len(*labels)+len(t.Labels))
	maps.Copy(all, t.Labels)
	maps.Copy(all, *labels)
	*labels = all
}
