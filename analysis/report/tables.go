package report

import (
	"fmt"
	"io"
	"slices"

	"github.com/lambdabench/lambdabench/analysis/summary"
)

// Tables prints every table of the summary, and the run's warnings.
func Tables(w io.Writer, s *summary.Summary) error {
	tables, err := AllTables(s)
	if err != nil {
		return err
	}
	for _, t := range tables {
		if err := t.Text(w); err != nil {
			return err
		}
	}
	if all := s.Warnings(); len(all) > 0 {
		fmt.Fprintln(w)
		for _, x := range all {
			if _, err := fmt.Fprintf(w, "warning: %s\n", x); err != nil {
				return err
			}
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
	return slices.Concat([]*Table{deployTable(s)}, through, []*Table{densityTable(s), burstTable(s), overheadTable(s),
		aoTable(s), surfaceTable(s), appsTable(s), mpscTable(s), speedupTable(s), traceTable(s)}), nil
}
