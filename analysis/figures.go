package analysis

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/lambdabench/lambdabench/analysis/figure"
	"github.com/lambdabench/lambdabench/analysis/record"
	"github.com/lambdabench/lambdabench/analysis/reference"
)

// figures are those that a run has data for, in the order in which they are shown.
func figures(s *Summary, d *data) ([]*figure.Figure, error) {
	var all []*figure.Figure
	for _, rt := range s.runtimes(record.ExperimentDeploy) {
		all = append(all, ecdfFigure(s, d, rt), stagesFigure(s, rt))
	}
	for _, rt := range s.runtimes(record.ExperimentThroughput) {
		f, err := throughputFigure(s, rt)
		if err != nil {
			return nil, err
		}
		all = append(all, f)
	}
	all = append(all, densityFigure(s))
	for _, t := range s.targets(Query{Experiment: record.ExperimentBurst}) {
		all = append(all, burstFigure(s, d, t[0], t[1]))
	}
	all = append(all, overheadFigure(s))
	for _, rt := range s.runtimes(record.ExperimentAO) {
		all = append(all, aoFigure(s, rt))
	}
	all = append(all, mpscFigure(d))
	return slices.DeleteFunc(all, func(f *figure.Figure) bool { return f == nil }), nil
}

// writeFigures replaces the figures of a run folder.
func writeFigures(runDir string, all []*figure.Figure) error {
	folder := filepath.Join(runDir, FiguresFolder)
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return fmt.Errorf("make figures folder: %w", err)
	}
	old, err := os.ReadDir(folder)
	if err != nil {
		return fmt.Errorf("read figures folder: %w", err)
	}
	for _, e := range old {
		if slices.Contains([]string{".png", ".svg", ".csv"}, filepath.Ext(e.Name())) {
			if err := os.Remove(filepath.Join(folder, e.Name())); err != nil {
				return fmt.Errorf("remove old figure: %w", err)
			}
		}
	}
	for _, f := range all {
		if err := f.Write(folder); err != nil {
			return err
		}
	}
	return nil
}

// fileName is a name without what a file's name must not have.
func fileName(parts ...string) string {
	return strings.NewReplacer("/", "-", " ", "-", "\x00", "").Replace(strings.Join(parts, "-"))
}

// exact is a number as the figures' data files have it.
func exact(v float64) string { return strconv.FormatFloat(v, 'g', 6, 64) }

// paperEntry is the legend's line for what is quoted from the paper.
func paperEntry(what string, i int) figure.Entry {
	return figure.Entry{Name: what, Thumb: figure.Line(figure.Grey, figure.Dashes(i+1))}
}

// paperTitle stands above the legend's lines for the paper.
func paperTitle() figure.Entry {
	return figure.Entry{Name: reference.Label + ":", Thumb: figure.Box(transparent{})}
}

// transparent is a colour that leaves no trace.
type transparent struct{}

// RGBA implements color.Color.
func (transparent) RGBA() (r, g, b, a uint32) { return 0, 0, 0, 0 }

// backendEntries are the legend's lines for backends.
func (s *Summary) backendEntries(backends []string) []figure.Entry {
	var all []figure.Entry
	for _, b := range backends {
		all = append(all, figure.Entry{Name: b, Thumb: figure.Line(figure.Color(b, s.Backends()), nil)})
	}
	return all
}
