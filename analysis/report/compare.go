package report

import (
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/dustin/go-humanize"

	"github.com/lambdabench/lambdabench/analysis/record"
	"github.com/lambdabench/lambdabench/analysis/statistics"
	"github.com/lambdabench/lambdabench/analysis/summary"
)

// Compare prints, for each result that both runs have, the medians over trials and their ratio.
//
// Trials are what is tested: values of one trial are not independent. '~' stands where no
// difference is shown: the two-sided rank test of the trials' values gives 0.05 or more, or the
// interval of the ratio holds 1. With fewer than statistics.LeastTrials on a side nothing can be
// shown.
func Compare(dirA, dirB string, w io.Writer, width int) error {
	a, _, err := summary.Read(dirA, "")
	if err != nil {
		return err
	}
	b, _, err := summary.Read(dirB, "")
	if err != nil {
		return err
	}
	for _, x := range slices.Concat(unlike(a, b, dirA, dirB), warningsOf("old", a), warningsOf("new", b)) {
		if _, err := fmt.Fprintf(w, "warning: %s\n", x); err != nil {
			return err
		}
	}
	c := newComparison(a.Results, b.Results)
	if len(c.rows) == 0 {
		_, err := fmt.Fprintf(w, "The runs have no series in common: %d only in %s, %d only in %s.\n", c.onlyA,
			a.Run.Name, c.onlyB, b.Run.Name)
		return err
	}
	t := c.table()
	t.Title = fmt.Sprintf("old: %s, new: %s", a.Run.Name, b.Run.Name)
	if err := t.Text(w, width); err != nil {
		return err
	}
	if c.onlyA+c.onlyB > 0 {
		_, err = fmt.Fprintf(w, " Left out: %d only in the old run, %d only in the new one.\n", c.onlyA, c.onlyB)
	}
	return err
}

// unlike warns of differences between two runs in the host and in the suite.
func unlike(a, b *summary.Summary, dirA, dirB string) []summary.Warning {
	var w []summary.Warning
	differs := func(what string, x, y any) {
		if x != y {
			w = append(w, summary.Warn("other "+what, "%v, then %v", x, y))
		}
	}
	differs("processor", a.Machine.CPU, b.Machine.CPU)
	differs("number of cores", a.Machine.Cores, b.Machine.Cores)
	differs("memory", humanize.IBytes(uint64(a.Machine.MemoryBytes)), humanize.IBytes(uint64(b.Machine.MemoryBytes)))
	differs("kernel", a.Machine.Kernel, b.Machine.Kernel)
	differs("governor", dash(a.Machine.Governor), dash(b.Machine.Governor))
	differs("user", a.Machine.User, b.Machine.User)
	differs("runtimes", versions(a.Machine.Interpreters), versions(b.Machine.Interpreters))
	differs("backends", versions(a.Machine.Backends), versions(b.Machine.Backends))
	x, _ := os.ReadFile(filepath.Join(dirA, record.SuiteFile))
	y, _ := os.ReadFile(filepath.Join(dirB, record.SuiteFile))
	if string(x) != string(y) {
		w = append(w, summary.Warn("other suite", "the runs' suite.yaml differ"))
	}
	return w
}

// warningsOf are the warnings of a run as a whole, with the run's name in the comparison.
func warningsOf(name string, s *summary.Summary) []summary.Warning {
	all := s.Warnings()
	for i, w := range all {
		all[i] = summary.Warning(name+" run, ") + w
	}
	return all
}

// comparison is the results that two runs have in common.
type comparison struct {
	rows         []compareRow
	onlyA, onlyB int // results that one run alone has
}

// compareRow is one result of both runs.
type compareRow struct {
	old, new *summary.Result
	ratio    statistics.Estimate // of new over old
	test     statistics.Comparison
	few      bool // too few trials for a difference to be shown
}

func newComparison(a, b []summary.Result) comparison {
	news := map[string]*summary.Result{}
	for i := range b {
		if x := &b[i]; isFigure(x) {
			news[x.Key()] = x
		}
	}
	c := comparison{onlyB: len(news)}
	for i := range a {
		x := &a[i]
		if !isFigure(x) {
			continue
		}
		y := news[x.Key()]
		if y == nil {
			c.onlyA++
			continue
		}
		c.onlyB--
		if x.Metric != summary.MetricErrorRate || largest(x) > 0 || largest(y) > 0 {
			c.rows = append(c.rows, newCompareRow(x, y))
		}
	}
	return c
}

// isFigure tells whether a result is a figure of its own, with values.
func isFigure(r *summary.Result) bool {
	return len(r.PerTrial) > 0 && r.Metric != summary.MetricStageLatency && r.Metric != summary.MetricSpeedup
}

func newCompareRow(x, y *summary.Result) compareRow {
	row := compareRow{old: x, new: y, ratio: statistics.Ratio(unpaired(y), unpaired(x)),
		few: min(len(x.PerTrial), len(y.PerTrial)) < statistics.LeastTrials}
	if !row.few {
		row.test = statistics.RankTest(statistics.Values(x.PerTrial), statistics.Values(y.PerTrial))
	}
	return row
}

// unpaired is the values of a result's trials without their blocks: those of two runs have
// nothing in common.
func unpaired(r *summary.Result) []statistics.Trial {
	all := slices.Clone(r.PerTrial)
	for i := range all {
		all[i].Block = 0
	}
	return all
}

// shown tells whether the runs differ: by the test, and by the interval of the ratio where there
// is one.
func (r compareRow) shown() bool { return r.test.Shown && !(r.ratio.Low <= 1 && r.ratio.High >= 1) }

func (r compareRow) cells() []string {
	ratio, p := "~", none
	if r.test.Note == "" && !r.few {
		p = fmt.Sprintf("%.3f", r.test.P)
	}
	switch {
	case r.few:
		ratio = "too few trials"
	case r.shown() && math.IsNaN(r.ratio.Value):
		ratio = "differ"
	case r.shown():
		ratio = times(r.ratio.Value) + interval(r.ratio.Interval, 1)
	}
	if r.test.Shown && r.test.P < 0.0005 {
		p = "<0.001"
	}
	x := r.old
	return []string{x.Experiment, x.Backend, x.Runtime, x.Path, strings.Join(labelWords(x.Labels), " "), x.Metric,
		median(x, 1), median(r.new, 1), x.Unit, ratio, p,
		fmt.Sprintf("%s+%s", count(len(x.PerTrial)), count(len(r.new.PerTrial)))}
}

func (c comparison) table() *Table {
	t := &Table{
		Name: "compare",
		Columns: []Column{key("experiment", "The experiment."), backendColumn, runtimeColumn, pathColumn,
			key("labels", "What the experiment varied."), key("metric", "What was measured."),
			figures("old", Useful, "The median of the first run."),
			figures("new", Useful, "The median of the second run."), words("unit", Useful, "The unit of both."),
			figures("new/old", Main, "The ratio of the medians, or ~ where no difference is shown."),
			figures("p", Useful, "The probability of so great a difference between two runs of the same thing."),
			figures("trials", Detail, "The number of trials of each run.")},
	}
	shown, tested := 0, 0
	for _, r := range c.rows {
		t.add(r.cells()...)
		if !r.few {
			tested++
		}
		if r.shown() {
			shown++
		}
	}
	t.Note = fmt.Sprintf("new/old is ~ where no difference is shown (two-sided Mann-Whitney U of the trials, %g). "+
		"A difference needs %d trials on each side.", statistics.Alpha, statistics.LeastTrials)
	if tested > 0 {
		t.Note += fmt.Sprintf(" Shown: %d of %d rows; of two runs of the same thing, %.0f %% would be at most.", shown,
			tested, 100*statistics.Alpha)
	}
	return t
}

func largest(r *summary.Result) float64 { return slices.Max(statistics.Values(r.PerTrial)) }
