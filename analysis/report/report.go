// Package report shows a run's summary to people: tables on a terminal, figures, the page
// report.html, the marked blocks of PAPER.md, and the comparison of two runs. Two calls on
// one run folder write the same bytes.
//
//	s, err := report.Write("runs/today", "")
//	if err != nil { … }
//	err = report.Tables(os.Stdout, s, 120)
//
// Cells of tables are made in cells.go and put together in tables_*.go; figures_*.go draw
// with package figure. Rows and grey lines quoted from the SEUSS paper come from package
// reference. shape.go holds the run against the claims of that paper.
package report

import (
	"fmt"
	"path/filepath"

	"github.com/lambdabench/lambdabench/analysis/record"
	"github.com/lambdabench/lambdabench/analysis/summary"
)

// File is the page in a run folder.
const File = "report.html"

// Write reads the records of a run folder and writes summary.json, figures/ and
// report.html into the folder. Ratios are taken against the backend baseline
// ("container/runc"); where that is "", against the one that summary.BaselineOf picks.
func Write(runDir, baseline string) (*summary.Summary, error) {
	s, data, err := summary.Read(runDir, baseline)
	if err != nil {
		return nil, err
	}
	if err := s.Save(runDir); err != nil {
		return nil, err
	}
	figs, err := drawAll(s, data)
	if err != nil {
		return nil, err
	}
	if err := writeFigures(runDir, figs); err != nil {
		return nil, err
	}
	page, err := reportPage(s, data, figs, runDir)
	if err != nil {
		return nil, err
	}
	if err := record.WriteFile(filepath.Join(runDir, File), page); err != nil {
		return nil, fmt.Errorf("write report: %w", err)
	}
	return s, nil
}
