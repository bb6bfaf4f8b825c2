package report

import (
	"fmt"
	"slices"
	"strings"

	"github.com/lambdabench/lambdabench/analysis/reference"
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

// because is the verdict with its reason; "" is none.
func (v Verdict) because(reason string) Verdict {
	if reason == "" {
		return v
	}
	return v + ": " + Verdict(reason)
}

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
		isolationsOrdered(s, densityOf), isolationsOrdered(s, creationOf), throughputFlat(s), burstsSafe(s)}
}

// yes and no end the lines of a finding's evidence.
const (
	yes = "yes"
	no  = "no"
)

// check collects the comparisons that a claim rests on. One that fails decides; without any,
// the claim is not measured. The paper's functions are in one language: a comparison in
// another one is told, and does not decide where the run has the paper's.
type check struct {
	Finding
	papers      bool // the run has the paper's language
	any, failed bool
	least       int      // trials of the comparison that rests on fewest; 0: none rests on trials
	unlike      []string // runtimes in other languages in which a comparison fails
}

func newCheck(s *summary.Summary, experiment, claim string) *check {
	return &check{Finding: Finding{Claim: claim},
		papers: slices.ContainsFunc(s.Runtimes(experiment), isPapers)}
}

func isPapers(rt string) bool { return language(rt) == reference.Language }

// decides reports whether comparisons of a runtime decide.
func (c *check) decides(rt string) bool { return !c.papers || isPapers(rt) }

// note takes a comparison of a runtime, over so many trials; 0 where it does not rest on
// trials.
func (c *check) note(rt string, trials int, ok bool, format string, args ...any) {
	mark := yes
	if !ok {
		mark = no
	}
	c.Evidence = append(c.Evidence, fmt.Sprintf(format, args...)+": "+mark)
	if !c.decides(rt) {
		if !ok && !slices.Contains(c.unlike, rt) {
			c.unlike = append(c.unlike, rt)
		}
		return
	}
	c.any, c.failed = true, c.failed || !ok
	if trials > 0 && (c.least == 0 || trials < c.least) {
		c.least = trials
	}
}

// finding is the verdict; missing says what a run lacks in which nothing was compared, and
// reason why the claim is not shown, "" where the evidence says it.
func (c *check) finding(missing, reason string) Finding {
	switch {
	case !c.any:
		c.Verdict, c.Evidence = NotMeasured, append(c.Evidence, missing)
	case c.failed:
		c.Verdict = NotShown.because(reason)
	case c.least > 0 && c.least < statistics.LeastTrials:
		c.Verdict = NotShown.because(fmt.Sprintf("fewer than %d trials have no interval", statistics.LeastTrials))
	case len(c.unlike) > 0:
		c.Verdict = Shown.because("in " + reference.Runtime + ", as in the paper; not in " +
			strings.Join(c.unlike, ", "))
	default:
		c.Verdict = Shown
	}
	return c.Finding
}

// exceeds reports whether v is more than so many times base: by the interval of their ratio
// over trials or, where the trials are too few for one, by the ratio of the medians.
func exceeds(v, base *summary.Result, by float64) (ok bool, g statistics.Estimate) {
	g, ok = ratio(v, base, false)
	if g.Kind == statistics.Range {
		return ok && g.Value > by, g
	}
	return ok && g.Low > by, g
}

// told is a ratio in evidence.
func told(g statistics.Estimate) string { return times(g.Value) + interval(g.Interval, 1) }

// shapeTable is Shape as a table.
func shapeTable(s *summary.Summary) *Table {
	t := &Table{
		Name: "shape", Title: "What a reproduction of SEUSS must show",
		Columns: []Column{key("claim", "What the paper shows."), key("in this run", "Whether this run shows it."),
			words("figures", Main, "The figures that the verdict rests on.")},
		Note: fmt.Sprintf("'>>': at least %.0f times; 'flat': within %.0f %%; 'a cliff': at least %.0f times down; "+
			"'a little': at most %.0f %%. Each comparison is of intervals; bursts are counted, %d in a trial.",
			farMore, 100*(1-flatShare), cliff, 100*(littleUp-1), leastBursts),
	}
	for _, f := range Shape(s) {
		t.add(f.Claim, string(f.Verdict), strings.Join(f.Evidence, "; "))
	}
	return t
}
