package report

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/dustin/go-humanize"

	"github.com/lambdabench/lambdabench/analysis/record"
	"github.com/lambdabench/lambdabench/analysis/statistics"
	"github.com/lambdabench/lambdabench/analysis/summary"
)

// comparand is a result with all values behind it, by trial.
type comparand struct {
	summary.Result
	trials [][]float64
}

// Compare prints, for each result that both runs have, the medians, their ratio
// and the p of a rank test; '~' stands where no difference is shown at 0.05.
//
// What is tested are the trials' medians, as values of one trial are not
// independent, if both runs have four or more; else the values themselves,
// which finds differences more readily than it should: column 'over' says which.
func Compare(dirA, dirB string, w io.Writer, width int) error {
	a, dataA, err := summary.Read(dirA, "")
	if err != nil {
		return err
	}
	b, dataB, err := summary.Read(dirB, "")
	if err != nil {
		return err
	}
	for _, x := range unlike(a, b, dirA, dirB) {
		if _, err := fmt.Fprintf(w, "warning: %s\n", x); err != nil {
			return err
		}
	}
	t, onlyA, onlyB := compareTable(samplesOf(dataA), samplesOf(dataB))
	t.Title = fmt.Sprintf("old: %s, new: %s", a.Run.Name, b.Run.Name)
	if len(t.Rows) == 0 {
		_, err := fmt.Fprintf(w, "The runs have no series in common: %d only in %s, %d only in %s.\n", onlyA,
			a.Run.Name, onlyB, b.Run.Name)
		return err
	}
	if err := t.Text(w, width); err != nil {
		return err
	}
	if onlyA+onlyB > 0 {
		_, err = fmt.Fprintf(w, " Left out: %d only in the old run, %d only in the new one.\n", onlyA, onlyB)
	}
	return err
}

// unlike warns of all in which two runs differ beside what they compare.
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
	return slices.Concat(w, a.Warnings(), b.Warnings())
}

// samplesOf keeps the values behind a run's results.
func samplesOf(d *summary.Data) map[string]*comparand {
	all := map[string]*comparand{}
	for _, s := range d.Series {
		x := &comparand{Result: s.Result(summary.MetricLatency, "ms")}
		e := &comparand{Result: s.Result(summary.MetricErrorRate, record.UnitCount)}
		for _, t := range s.Trials {
			if sorted, _ := statistics.Clean(slices.Clone(t.Latency)); len(sorted) > 0 {
				x.trials = append(x.trials, sorted)
			}
			if n := t.Failed + len(t.Latency); n > 0 {
				e.trials = append(e.trials, []float64{float64(t.Failed) / float64(n)})
			}
		}
		all[x.Key()], all[e.Key()] = x, e
	}
	for _, q := range d.Quantities() {
		x := &comparand{Result: q.Result(q.Metric, q.Unit)}
		if have := all[x.Key()]; have != nil {
			x = have
		}
		all[x.Key()] = x
		if v, _ := statistics.Clean([]float64{q.Value}); len(v) > 0 {
			x.trials = append(x.trials, v)
		}
	}
	for k, x := range all {
		if len(x.trials) == 0 {
			delete(all, k)
		}
	}
	return all
}

func compareTable(a, b map[string]*comparand) (t *Table, onlyA, onlyB int) {
	t = &Table{
		Name: "compare",
		Columns: []Column{key("experiment", "The experiment."), backendColumn, runtimeColumn, pathColumn,
			key("labels", "What the experiment varied."), key("metric", "What was measured."),
			figures("old", Useful, "The median of the first run."),
			figures("new", Useful, "The median of the second run."), words("unit", Useful, "The unit of both."),
			figures("new/old", Main, "The ratio of the medians, or ~ where no difference is shown."),
			figures("p", Useful, "The probability of so great a difference between two runs of the same thing."),
			figures("n", Detail, "The number of values that were tested, of each run."),
			words("over", Extra, "What was tested: the medians of trials, or values.")},
		Note: "new/old is ~ where no difference is shown (two-sided Mann-Whitney U, 0.05).",
	}
	var pairs [][2]*comparand
	for k, x := range a {
		if y := b[k]; y != nil {
			pairs = append(pairs, [2]*comparand{x, y})
		} else {
			onlyA++
		}
	}
	onlyB = len(b) - len(pairs)
	slices.SortFunc(pairs, func(x, y [2]*comparand) int { return summary.Less(&x[0].Result, &y[0].Result) })
	for _, p := range pairs {
		x, y := p[0], p[1]
		if x.Metric == summary.MetricErrorRate && x.largest() == 0 && y.largest() == 0 {
			continue
		}
		t.add(compareRow(x, y)...)
	}
	return t, onlyA, onlyB
}

func compareRow(x, y *comparand) []string {
	over := "trials"
	va, vb := x.trialMedians(), y.trialMedians()
	if (len(va) < statistics.LeastForTest || len(vb) < statistics.LeastForTest) && x.Metric == summary.MetricLatency {
		over, va, vb = "values", slices.Concat(x.trials...), slices.Concat(y.trials...)
	}
	test := statistics.RankTest(va, vb)
	ma, mb := statistics.Median(slices.Concat(x.trials...)), statistics.Median(slices.Concat(y.trials...))
	ratio, p := "~", fmt.Sprintf("%.3f", test.P)
	if test.Note != "" {
		p = none
	}
	if test.Shown {
		ratio = times(mb / ma)
		if test.P < 0.0005 {
			p = "<0.001"
		}
	}
	return []string{x.Experiment, x.Backend, x.Runtime, x.Path, strings.Join(labelWords(x.Labels), " "), x.Metric,
		number(ma), number(mb), x.Unit, ratio, p, fmt.Sprintf("%s+%s", count(len(va)), count(len(vb))), over}
}

func (x *comparand) trialMedians() []float64 {
	var all []float64
	for _, t := range x.trials {
		all = append(all, statistics.Median(t))
	}
	return all
}

func (x *comparand) largest() float64 {
	most := 0.0
	for _, t := range x.trials {
		most = max(most, slices.Max(t))
	}
	return most
}
