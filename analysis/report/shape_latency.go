package report

import (
	"slices"
	"strings"

	"github.com/lambdabench/lambdabench/analysis/record"
	"github.com/lambdabench/lambdabench/analysis/reference"
	"github.com/lambdabench/lambdabench/analysis/summary"
)

// pathsOrdered tells whether the three paths differ in latency.
func pathsOrdered(s *summary.Summary) Finding {
	c := newCheck(s, record.ExperimentDeploy, "Latency: hot < warm < cold")
	for _, t := range s.Targets(summary.Query{Experiment: record.ExperimentDeploy, Metric: summary.MetricLatency}) {
		hot, warm, cold := deployLatency(s, t, record.PathHot), deployLatency(s, t, record.PathWarm),
			deployLatency(s, t, record.PathCold)
		if hot == nil || warm == nil || cold == nil {
			continue
		}
		slower, byWarm := exceeds(warm, hot, 1)
		slowest, byCold := exceeds(cold, warm, 1)
		c.note(t.Runtime, min(hot.Trials, warm.Trials, cold.Trials), slower && slowest,
			"%s, %s: %s, %s, %s ms (%s, %s)", t.Backend, t.Runtime, number(hot.P50), number(warm.P50),
			number(cold.P50), told(byWarm), told(byCold))
	}
	return c.finding("no backend has all three paths in this run", "")
}

// stepsHelp tells what the paper's steps of anticipatory optimisation bring, each after the
// ones before. Steps that the paper does not have are in the tables alone.
func stepsHelp(s *summary.Summary) Finding {
	c := newCheck(s, record.ExperimentAO, "Anticipatory optimisation: each step lowers cold and warm and shrinks the "+
		"function snapshot; the runtime snapshot grows a little")
	var idle []string // steps that do not show what they bring
	for _, t := range s.Targets(summary.Query{Experiment: record.ExperimentAO}) {
		of := func(path, metric string) (rungs []*summary.Result) {
			for _, step := range reference.AOSteps() {
				r := s.One(summary.Query{Experiment: record.ExperimentAO, Backend: t.Backend, Runtime: t.Runtime,
					Path: path, Metric: metric, Labels: map[string]string{record.LabelAO: step.Steps}})
				if r != nil && r.N > 0 {
					rungs = append(rungs, r)
				}
			}
			return rungs
		}
		falling := func(name, path, metric string, unit float64, unitName string) {
			rungs := of(path, metric)
			if len(rungs) < 2 {
				return
			}
			values, gains, least, fell := []string{number(rungs[0].P50 / unit)}, []string{}, rungs[0].Trials, true
			for i, r := range rungs[1:] {
				ok, g := exceeds(rungs[i], r, 1)
				values, gains = append(values, number(r.P50/unit)), append(gains, told(g))
				least, fell = min(least, r.Trials), fell && ok
				step := lastStep(r.Label(record.LabelAO))
				if !ok && c.decides(t.Runtime) && !slices.Contains(idle, step) {
					idle = append(idle, step)
				}
			}
			c.note(t.Runtime, least, fell, "%s, %s: %s %s %s (%s)", t.Backend, t.Runtime, name,
				strings.Join(values, " → "), unitName, strings.Join(gains, ", "))
		}
		falling("cold", record.PathCold, summary.MetricLatency, 1, "ms")
		falling("warm", record.PathWarm, summary.MetricLatency, 1, "ms")
		falling("function snapshot", "", record.MetricFunctionSnapshot, mega, "MB")
		if rungs := of("", record.MetricRuntimeSnapshot); len(rungs) > 1 {
			first, last := rungs[0], rungs[len(rungs)-1]
			g, ok := ratio(last, first, false)
			c.note(t.Runtime, min(first.Trials, last.Trials), ok && g.Low >= 1 && g.High <= littleUp,
				"%s, %s: runtime snapshot %s → %s MB", t.Backend, t.Runtime, number(first.P50/mega),
				number(last.P50/mega))
		}
	}
	reason := ""
	if len(idle) > 0 {
		reason = "not by step " + strings.Join(idle, ", ")
	}
	return c.finding("experiment ao has no results in this run", reason)
}

// lastStep is the step that a list of steps ends with.
func lastStep(steps string) string {
	return steps[strings.LastIndex(steps, record.AOSeparator)+1:]
}
