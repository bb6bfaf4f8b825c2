package report

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/lambdabench/lambdabench/analysis/record"
	"github.com/lambdabench/lambdabench/analysis/statistics"
	"github.com/lambdabench/lambdabench/analysis/summary"
)

// Verdict says whether a run shows what the paper shows.
type Verdict string

// The verdicts.
const (
	Shown       Verdict = "shown"
	NotShown    Verdict = "not shown"
	NotMeasured Verdict = "not measured"
)

// because is the verdict with its reason, where the evidence cannot decide.
func (v Verdict) because(reason string) Verdict { return v + ": " + Verdict(reason) }

// Kind is the verdict without a reason.
func (v Verdict) Kind() Verdict {
	kind, _, _ := strings.Cut(string(v), ":")
	return Verdict(kind)
}

// Finding is one point of the shape that a reproduction of SEUSS must show.
type Finding struct {
	Claim    string
	Verdict  Verdict
	Evidence []string // the figures that it rests on
}

// The words of the claims in figures.
const (
	farMore   = 5.0  // '>>' is at least so many times
	flatShare = 0.80 // 'flat': the least throughput is at least this share of the greatest
	cliff     = 5.0  // 'a cliff': the greatest throughput is at least so many times the least
	littleUp  = 1.25 // 'grows a little': at most so many times
)

// Shape compares a run with the six points in which a reproduction must look like the
// paper's evaluation.
func Shape(s *summary.Summary) []Finding {
	return []Finding{pathsOrdered(s), stepsHelp(s),
		isolationsOrdered(s, "Density: unikernel >> process > container", record.MetricBytesPerInstance, mega,
			"MB each", true, farMore),
		isolationsOrdered(s, "Creation rate: unikernel > process > container", record.MetricCreationRate, 1, "1/s",
			false, 1),
		throughputFlat(s), burstsSafe(s)}
}

// yes and no end the lines of a finding's evidence.
const (
	yes = "yes"
	no  = "no"
)

// check collects the verdicts of a claim: one failed verdict decides; without any, the claim
// is not measured.
type check struct {
	Finding
	any, failed bool
}

func (c *check) note(ok bool, format string, args ...any) {
	c.any = true
	c.failed = c.failed || !ok
	mark := yes
	if !ok {
		mark = no
	}
	c.Evidence = append(c.Evidence, fmt.Sprintf(format, args...)+": "+mark)
}

func (c *check) finding(missing string) Finding {
	switch {
	case !c.any:
		c.Verdict, c.Evidence = NotMeasured, append(c.Evidence, missing)
	case c.failed:
		c.Verdict = NotShown
	default:
		c.Verdict = Shown
	}
	return c.Finding
}

func pathsOrdered(s *summary.Summary) Finding {
	c := check{Finding: Finding{Claim: "Latency: hot < warm < cold"}}
	least := math.MaxInt
	for _, t := range s.Targets(summary.Query{Experiment: record.ExperimentDeploy, Metric: summary.MetricLatency}) {
		path := func(p string) *summary.Result {
			return deployLatency(s, t, p)
		}
		hot, warm, cold := path(record.PathHot), path(record.PathWarm), path(record.PathCold)
		if hot == nil || warm == nil || cold == nil {
			continue
		}
		ok := hot.CIHigh < warm.CILow && warm.CIHigh < cold.CILow
		c.note(ok, "%s, %s: %s, %s, %s ms", t.Backend, t.Runtime, number(hot.P50), number(warm.P50), number(cold.P50))
		least = min(least, hot.Trials, warm.Trials, cold.Trials)
	}
	f := c.finding("no backend has all three paths in this run")
	if f.Verdict == Shown && least < statistics.LeastTrials {
		f.Verdict = NotShown.because(fmt.Sprintf("fewer than %d trials have no interval", statistics.LeastTrials))
	}
	return f
}

func stepsHelp(s *summary.Summary) Finding {
	c := check{Finding: Finding{Claim: "Anticipatory optimisation: each step lowers cold and warm and shrinks the " +
		"function snapshot; the runtime snapshot grows a little"}}
	for _, t := range s.Targets(summary.Query{Experiment: record.ExperimentAO}) {
		of := func(path, metric string) []float64 {
			var all []float64
			rungs, _ := ladder(s.LabelValues(
				summary.Query{Experiment: record.ExperimentAO, Backend: t.Backend, Runtime: t.Runtime},
				record.LabelAO))
			for _, step := range rungs {
				if r := s.One(summary.Query{Experiment: record.ExperimentAO, Backend: t.Backend, Runtime: t.Runtime,
					Path: path, Metric: metric, Labels: map[string]string{record.LabelAO: step}}); r != nil && r.N > 0 {
					all = append(all, r.P50)
				}
			}
			return all
		}
		falling := func(name, path, metric string, unit float64, unitName string) {
			if v := of(path, metric); len(v) > 1 {
				c.note(slices.IsSortedFunc(v, func(a, b float64) int { return cmp.Compare(b, a) }) &&
					v[0] > v[len(v)-1], "%s, %s: %s %s %s", t.Backend, t.Runtime, name, list(v, unit), unitName)
			}
		}
		falling("cold", record.PathCold, summary.MetricLatency, 1, "ms")
		falling("warm", record.PathWarm, summary.MetricLatency, 1, "ms")
		falling("function snapshot", "", record.MetricFunctionSnapshot, mega, "MB")
		if v := of("", record.MetricRuntimeSnapshot); len(v) > 1 {
			last := v[len(v)-1]
			c.note(last >= v[0] && last <= littleUp*v[0], "%s, %s: runtime snapshot %s MB", t.Backend, t.Runtime,
				list(v, mega))
		}
	}
	return c.finding("experiment ao has no results in this run")
}

func list(values []float64, unit float64) string {
	var all []string
	for _, v := range values {
		all = append(all, number(v/unit))
	}
	return strings.Join(all, " → ")
}

// isolation is the kind of a backend in the paper's words.
func isolation(backend string) string {
	family, _, _ := strings.Cut(backend, "/")
	return family
}

// isolationsOrdered compares unikernel, process and container, for each
// runtime and state.
func isolationsOrdered(s *summary.Summary, claim, metric string, unit float64, unitName string, lessIsBetter bool,
	lead float64) Finding {
	c := check{Finding: Finding{Claim: claim}}
	for _, rt := range s.Runtimes(record.ExperimentDensity) {
		for _, state := range s.LabelValues(summary.Query{Experiment: record.ExperimentDensity, Runtime: rt,
			Metric: metric}, record.LabelState) {
			best, worst, texts := map[string]float64{}, map[string]float64{}, []string{}
			for _, r := range s.Find(summary.Query{Experiment: record.ExperimentDensity, Runtime: rt, Metric: metric,
				Labels: map[string]string{record.LabelState: state}}) {
				if r.N == 0 || r.P50 <= 0 {
					continue
				}
				good := r.P50
				if lessIsBetter {
					good = 1 / r.P50
				}
				k := isolation(r.Backend)
				best[k] = math.Max(best[k], good)
				if w, ok := worst[k]; !ok || good < w {
					worst[k] = good
				}
				texts = append(texts, r.Backend+" "+number(r.P50/unit))
			}
			if len(best) < 3 {
				continue
			}
			ok := worst["unikernel"] > lead*best["process"] && worst["process"] > best["container"]
			c.note(ok, "%s, %s: %s %s", rt, state, strings.Join(texts, ", "), unitName)
		}
	}
	return c.finding("this run does not have all of unikernel, process and container in density")
}

func throughputFlat(s *summary.Summary) Finding {
	c := check{Finding: Finding{Claim: "Throughput: flat in M with snapshots, a cliff without"}}
	both := map[bool]bool{}
	for _, t := range s.Targets(summary.Query{Experiment: record.ExperimentThroughput,
		Metric: record.MetricThroughput}) {
		found := slices.DeleteFunc(s.Find(summary.Query{Experiment: record.ExperimentThroughput, Backend: t.Backend,
			Runtime: t.Runtime, Metric: record.MetricThroughput}), func(r *summary.Result) bool { return !r.Covered() })
		if len(found) < 2 {
			continue
		}
		least, most := math.Inf(1), 0.0
		for _, r := range found {
			least, most = math.Min(least, r.P50), math.Max(most, r.P50)
		}
		snapshots := isolation(t.Backend) == "unikernel"
		both[snapshots] = true
		if snapshots {
			c.note(least >= flatShare*most, "%s, %s: flat, from %s to %s 1/s", t.Backend, t.Runtime, number(least),
				number(most))
		} else {
			c.note(most >= cliff*least, "%s, %s: a cliff, from %s to %s 1/s", t.Backend, t.Runtime, number(most),
				number(least))
		}
	}
	if !both[true] || !both[false] {
		c.any = false
	}
	return c.finding("this run does not have backends both with and without snapshots in throughput, at two values " +
		"of M or more")
}

// shapeTable is Shape as a table.
func shapeTable(s *summary.Summary) *Table {
	t := &Table{
		Name: "shape", Title: "What a reproduction of SEUSS must show",
		Columns: []Column{key("claim", "What the paper shows."), key("in this run", "Whether this run shows it."),
			words("figures", Main, "The figures that the verdict rests on.")},
		Note: fmt.Sprintf("'>>': at least %.0f times; 'flat': within %.0f %%; 'a cliff': at least %.0f times down; "+
			"'a little': at most %.0f %%. Paths are told apart by their intervals, the rest by medians.",
			farMore, 100*(1-flatShare), cliff, 100*(littleUp-1)),
	}
	for _, f := range Shape(s) {
		t.add(f.Claim, string(f.Verdict), strings.Join(f.Evidence, "; "))
	}
	return t
}
