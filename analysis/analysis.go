// Package analysis turns a run's records into what people read: summary.json,
// tables, figures, report.html and the filled-in blocks of PAPER.md. It runs
// nothing and knows no backend: everything it says can be drawn again from the
// records alone, and two calls on one folder write the same bytes.
//
//	summary, err := analysis.Report("runs/today", analysis.Options{})
//	if err != nil { … }
//	err = analysis.Tables(os.Stdout, summary)
//
// # What counts
//
// Invocations marked as warm-up do not count, nor do those that took another path
// than the one their trial set out to measure (they are counted in a warning).
// Latencies are those of correct replies; what failed is in error_rate.
//
// Values of one trial are not independent of each other. So with five trials or
// more, an interval resamples trials; with two to four it spans the trials' medians,
// and with one it says only how well that one trial knows its own median, and
// a warning says so. Package statistics says which method is whose.
package analysis

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"github.com/lambdabench/lambdabench/analysis/record"
)

// What Report leaves in a run folder.
const (
	SummaryFile   = "summary.json"
	ReportFile    = "report.html"
	FiguresFolder = "figures"
)

// Options of a report. The zero value is what most want.
type Options struct {
	// Baseline is the backend that ratios are taken against: "process",
	// "container/runc". Empty means the one that BaselineOf picks.
	Baseline string
}

// Report reads the records of a run folder and writes summary.json, figures/
// and report.html into it.
func Report(runDir string, opts Options) (*Summary, error) {
	s, data, err := summarise(runDir, opts)
	if err != nil {
		return nil, err
	}
	if err := writeSummary(runDir, s); err != nil {
		return nil, err
	}
	figs, err := figures(s, data)
	if err != nil {
		return nil, err
	}
	if err := writeFigures(runDir, figs); err != nil {
		return nil, err
	}
	page, err := reportPage(s, figs, runDir)
	if err != nil {
		return nil, err
	}
	if err := record.WriteFile(filepath.Join(runDir, ReportFile), page); err != nil {
		return nil, fmt.Errorf("write report: %w", err)
	}
	return s, nil
}

// ReadSummary reads the summary.json of a run folder.
func ReadSummary(runDir string) (*Summary, error) {
	path := filepath.Join(runDir, SummaryFile)
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read summary: %w; lambdabench report %s writes it", err, runDir)
	}
	s := new(Summary)
	if err := json.Unmarshal(b, s); err != nil {
		return nil, fmt.Errorf("read summary %s: %w", path, err)
	}
	if s.Schema != Schema {
		return nil, fmt.Errorf("read summary %s: schema %d, this program knows %d; lambdabench report %s writes it anew", path, s.Schema, Schema, runDir)
	}
	return s, nil
}

func writeSummary(runDir string, s *Summary) error {
	b, err := json.MarshalIndent(s, "", " ")
	if err != nil {
		return fmt.Errorf("encode summary: %w", err)
	}
	if err := record.WriteFile(filepath.Join(runDir, SummaryFile), append(b, '\n')); err != nil {
		return fmt.Errorf("write summary: %w", err)
	}
	return nil
}
