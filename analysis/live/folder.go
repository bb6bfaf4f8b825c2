package live

import (
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/prometheus/procfs"

	"github.com/lambdabench/lambdabench/analysis/record"
	"github.com/lambdabench/lambdabench/analysis/statistics"
	"github.com/lambdabench/lambdabench/analysis/summary"
)

// Folder follows the run in a folder by its files: progress.json, and a record file for each
// finished trial, which is read once.
type Folder struct {
	dir      string
	follower summary.Follower
	figures  Figures
	opened   time.Time
}

// beginning is how long a folder may be without progress.json before there is no run in it.
const beginning = 10 * time.Second

// maxRows bounds the table.
const maxRows = 400

// OpenFolder follows the run in a folder, which need not hold a finished trial yet.
func OpenFolder(dir string) (*Folder, error) {
	if st, err := os.Stat(filepath.Join(dir, record.Folder)); err != nil || !st.IsDir() {
		return nil, fmt.Errorf("%s is no run folder: it has no %s/; lambdabench run --out %s makes one", dir,
			record.Folder, dir)
	}
	return &Folder{dir: dir, follower: summary.Follower{Dir: dir}, opened: time.Now()}, nil
}

// Look implements Source.
func (f *Folder) Look(context.Context) (State, error) {
	p, ok, err := record.ReadProgress(f.dir)
	if err != nil {
		return State{}, err
	}
	s := State{Title: "run " + filepath.Base(f.dir), At: time.Now(), Facts: []Fact{}}
	if abs, err := filepath.Abs(f.dir); err == nil {
		s.Title = "run " + filepath.Base(abs)
	}
	switch {
	case !ok && time.Since(f.opened) > beginning:
		s.Ended = "no run has kept its progress in this folder; lambdabench report shows its results"
	case ok && p.Ended && p.Outcome != "":
		s.Ended = "the run has ended: " + p.Outcome
	case ok && p.Ended:
		s.Ended, s.Complete = "the run is complete", true
	case ok && !alive(p):
		s.Ended = "the process of the run is gone; the same command goes on with the run"
	}
	// Read after the progress: what the progress counts as done is then in the figures.
	sum, changed, err := f.follower.Update()
	if err != nil {
		return State{}, err
	}
	if changed {
		f.figures = Figures{Version: f.figures.Version + 1, Table: resultTable(sum)}
	}
	s.Figures, s.Errors = f.figures, p.Errors
	if ok {
		s.Progress, s.Facts = progressOf(p, s.At), factsOf(p, sum, s.At)
	}
	return s, nil
}

// alive reports whether the process that wrote the progress is still there.
func alive(p record.Progress) bool {
	proc, err := procfs.NewProc(p.PID)
	if err != nil {
		return false
	}
	stat, err := proc.Stat()
	return err == nil && stat.State != "Z" && (p.Born == 0 || stat.Starttime == p.Born)
}

// progressOf takes the time that the current trial has been running from the estimate that
// was made when it began.
func progressOf(p record.Progress, now time.Time) *Progress {
	left := p.Left
	if !p.Started.IsZero() {
		left = max(0, left-now.Sub(p.Started).Seconds())
	}
	return &Progress{Done: p.Done, Failed: p.Failed, All: p.Trials, Left: left}
}

func factsOf(p record.Progress, s *summary.Summary, now time.Time) []Fact {
	all := []Fact{{"suite", s.Run.Suite}}
	if !p.Ended {
		all = append(all, Fact{"running for", now.Sub(p.Begun).Round(time.Second).String()})
	}
	switch {
	case p.Trial != "":
		all = append(all, Fact{"this trial", p.Trial},
			Fact{"for", now.Sub(p.Started).Round(time.Second).String()})
	case !p.Ended:
		all = append(all, Fact{"now", "trying the backends and runtimes of this host"})
	}
	for _, w := range s.Warnings() {
		unfinished := w.Kind() == summary.WarnIncomplete || w.Kind() == summary.WarnEmpty
		if p.Ended || !unfinished { // a run under way is unfinished: the progress tells how far it is
			all = append(all, Fact{"warning", string(w)})
		}
	}
	return all
}

// resultTable is the figures so far, with the value of each trial.
func resultTable(s *summary.Summary) *Table {
	t := &Table{Columns: []string{"experiment", "backend", "runtime", "path", "labels", "metric", "median",
		"interval", "unit", "n", "warnings"}}
	for i := range s.Results {
		r := &s.Results[i]
		noError := r.Metric == summary.MetricErrorRate && r.P50 == 0
		if r.Metric == summary.MetricStageLatency || r.Unit == record.UnitBool || r.N == 0 || noError {
			continue
		}
		if len(t.Rows) == maxRows {
			t.Note = fmt.Sprintf("the first %d rows; the report has all", maxRows)
			break
		}
		var warnings []string
		for _, w := range r.Warnings {
			if k := w.Kind(); !slices.Contains(warnings, k) {
				warnings = append(warnings, k)
			}
		}
		t.Rows = append(t.Rows, Row{Trials: statistics.Values(r.PerTrial), Cells: []string{r.Experiment, r.Backend,
			r.Runtime, r.Path, labels(r.Labels), r.Metric, digits(r.P50), digits(r.CILow) + " – " + digits(r.CIHigh),
			r.Unit, strconv.Itoa(r.N), strings.Join(warnings, ", ")}})
	}
	return t
}

func labels(of map[string]string) string {
	var all []string
	for k, v := range of {
		all = append(all, k+"="+v)
	}
	slices.Sort(all)
	return strings.Join(all, " ")
}

// digits is a number with three significant digits.
func digits(v float64) string {
	if math.Abs(v) >= 1000 {
		return humanize.Comma(int64(math.Round(v)))
	}
	return strconv.FormatFloat(v, 'g', 3, 64)
}
