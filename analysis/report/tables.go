package report

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/lambdabench/lambdabench/analysis/summary"
)

// Tables prints what was found, every table of the summary and the run's warnings, for a
// terminal of some width; 0 is no bound.
func Tables(w io.Writer, s *summary.Summary, width int) error {
	if err := briefOf(s).Text(w, width); err != nil {
		return err
	}
	tables, err := AllTables(s)
	if err != nil {
		return err
	}
	for _, t := range tables {
		if err := t.Text(w, width); err != nil {
			return err
		}
	}
	for i, x := range s.Warnings() {
		if i == 0 {
			fmt.Fprintln(w)
		}
		if _, err := io.WriteString(w, wrapLine("", "warning: "+string(x), width)); err != nil {
			return err
		}
	}
	return nil
}

// AllTables are the tables of a summary, without rows and columns that would be empty.
func AllTables(s *summary.Summary) ([]*Table, error) {
	all, err := everyTable(s)
	if err != nil {
		return nil, err
	}
	var kept []*Table
	for _, t := range all {
		if t.Measured() {
			t.prune()
			t.Note = strings.TrimSpace(t.Note + " " + intervalNote(s, experimentOf(t.Name)))
			kept = append(kept, t)
		}
	}
	return kept, nil
}

// everyTable is every table that a summary can have, the empty ones too.
func everyTable(s *summary.Summary) ([]*Table, error) {
	through, err := throughputTables(s)
	if err != nil {
		return nil, err
	}
	return slices.Concat([]*Table{deployTable(s), startsTable(s)}, through, coverageTables(s), []*Table{densityTable(s),
		networkTable(s), burstTable(s), overheadTable(s), aoTable(s), trainingTable(s), surfaceTable(s), appsTable(s),
		schedulingTable(s), mpscTable(s), speedupTable(s), traceTable(s), rateTable(s)}), nil
}
