package report

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/lambdabench/lambdabench/analysis/figure"
	"github.com/lambdabench/lambdabench/analysis/record"
	"github.com/lambdabench/lambdabench/analysis/summary"
)

// FiguresFolder holds the figures in a run folder.
const FiguresFolder = "figures"

// drawAll draws the figures that a run has data for, in the order in which they are shown.
func drawAll(s *summary.Summary, d *summary.Data) ([]*figure.Figure, error) {
	var all []*figure.Figure
	for _, rt := range s.Runtimes(record.ExperimentDeploy) {
		all = append(all, ecdfFigure(s, d, rt), startsFigure(s, d, rt), stagesFigure(s, rt))
	}
	for _, rt := range s.Runtimes(record.ExperimentThroughput) {
		f, err := throughputFigure(s, rt)
		if err != nil {
			return nil, err
		}
		all = append(all, f)
	}
	all = append(all, densityFigure(s))
	for _, t := range s.Targets(summary.Query{Experiment: record.ExperimentBurst}) {
		all = append(all, burstFigure(s, d, t.Backend, t.Runtime))
	}
	all = append(all, overheadFigure(s))
	for _, rt := range s.Runtimes(record.ExperimentAO) {
		all = append(all, aoFigure(s, rt))
	}
	for _, rt := range s.Runtimes(record.ExperimentRate) {
		all = append(all, rateFigure(s, rt))
	}
	all = append(all, mpscFigure(d))
	all = slices.DeleteFunc(all, func(f *figure.Figure) bool { return f == nil })
	for _, kind := range alike {
		figure.SameAxes(figuresOf(all, kind)...)
	}
	return all, nil
}

// alike are the kinds of figures that have the same axes for every runtime and backend.
var alike = []string{ecdfKind, startsKind, record.ExperimentThroughput, record.ExperimentBurst}

// figuresOf are the figures whose names begin with a kind.
func figuresOf(all []*figure.Figure, kind string) []*figure.Figure {
	var of []*figure.Figure
	for _, f := range all {
		if strings.HasPrefix(f.Name, kind+"-") {
			of = append(of, f)
		}
	}
	return of
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
		if slices.Contains(figure.Extensions, filepath.Ext(e.Name())) {
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
