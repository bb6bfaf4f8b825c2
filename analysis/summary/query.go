package summary

import (
	"maps"
	"slices"
)

// Query selects results. Empty fields do not select.
type Query struct {
	Experiment, Backend, Runtime, Path, Metric string
	Labels                                     map[string]string // all of these; "" means: has no such label
}

func (q Query) matches(r *Result) bool {
	for _, f := range [][2]string{{q.Experiment, r.Experiment}, {q.Backend, r.Backend}, {q.Runtime, r.Runtime},
		{q.Path, r.Path}, {q.Metric, r.Metric}} {
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

// with is q with what o sets.
func (q Query) with(o Query) Query {
	for _, f := range []struct {
		to  *string
		set string
	}{{&q.Experiment, o.Experiment}, {&q.Backend, o.Backend}, {&q.Runtime, o.Runtime}, {&q.Path, o.Path},
		{&q.Metric, o.Metric}} {
		if f.set != "" {
			*f.to = f.set
		}
	}
	labels := maps.Clone(q.Labels)
	if labels == nil {
		labels = map[string]string{}
	}
	maps.Copy(labels, o.Labels)
	q.Labels = labels
	return q
}

// String names what a query selects.
func (q Query) String() string {
	text := ""
	for _, part := range []string{q.Experiment, q.Backend, q.Runtime, q.Path, q.Metric} {
		if part != "" {
			text += " " + part
		}
	}
	for _, k := range sortedKeys(q.Labels) {
		text += " " + k + "=" + q.Labels[k]
	}
	if text == "" {
		return "anything"
	}
	return text[1:]
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

// Experiments lists the experiments that have results, in the order in which they are
// shown.
func (s *Summary) Experiments() []string {
	return named(Distinct(s, Query{}, func(r *Result) string { return r.Experiment }), experimentRank)
}

// Backends lists the backends that have results, by name.
func (s *Summary) Backends() []string {
	return named(Distinct(s, Query{}, func(r *Result) string { return r.Backend }), nil)
}

// BackendsOf lists the backends of the results that a query selects, by name.
func (s *Summary) BackendsOf(q Query) []string {
	all := Distinct(s, q, func(r *Result) string { return r.Backend })
	slices.Sort(all)
	return all
}

// Runtimes lists the runtimes of an experiment, by name.
func (s *Summary) Runtimes(experiment string) []string {
	all := Distinct(s, Query{Experiment: experiment}, func(r *Result) string { return r.Runtime })
	slices.Sort(all)
	return all
}

// LabelValues lists the values of a label in the results that a query selects, in the
// order of CompareValues.
func (s *Summary) LabelValues(q Query, label string) []string {
	all := Distinct(s, q, func(r *Result) string { return r.Label(label) })
	slices.SortFunc(all, CompareValues)
	return all
}

// Target is a backend with a runtime.
type Target struct{ Backend, Runtime string }

// Targets lists the targets of the results that a query selects.
func (s *Summary) Targets(q Query) []Target {
	return Distinct(s, q, func(r *Result) Target { return Target{r.Backend, r.Runtime} })
}

// Distinct lists a property of the results that a query selects, each value once.
func Distinct[T comparable](s *Summary, q Query, of func(*Result) T) []T {
	var all []T
	for _, r := range s.Find(q) {
		if v := of(r); !slices.Contains(all, v) {
			all = append(all, v)
		}
	}
	return all
}

// named is names without the empty one, ordered by rank and then by name.
func named(names []string, rank func(string) int) []string {
	names = slices.DeleteFunc(names, func(n string) bool { return n == "" })
	slices.SortFunc(names, func(a, b string) int { return compareBy(rank, a, b) })
	return names
}

// AtBaseline is One for the baseline backend.
func (s *Summary) AtBaseline(q Query) *Result {
	q.Backend = s.Baseline()
	return s.One(q)
}

// Baseline is the backend that ratios are taken against; "" if the run has none.
func (s *Summary) Baseline() string {
	if s.baseline != "" {
		return s.baseline
	}
	return BaselineOf(s.Backends())
}

// BaselineOf picks the baseline among backends: the plain process, against which the cost
// of isolation shows; else the first by name.
func BaselineOf(backends []string) string {
	if slices.Contains(backends, "process") {
		return "process"
	}
	if len(backends) > 0 {
		return backends[0]
	}
	return ""
}
