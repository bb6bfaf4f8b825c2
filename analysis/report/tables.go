package report

import (
	"fmt"
	"io"

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

// AllTables are the tables of a summary, without those that would be empty.
func AllTables(s *summary.Summary) ([]*Table, error) {
	all := []*Table{deployTable(s)}
	through, err := throughputTables(s)
	if err != nil {
		return nil, err
	}
	all = append(all, through...)
	all = append(all, densityTable(s), burstTable(s), overheadTable(s), aoTable(s), surfaceTable(s), appsTable(s),
		mpscTable(s), speedupTable(s), traceTable(s))
	var kept []*Table
	for _, t := range all {
		if t.Measured() {
			t.prune()
			kept = append(kept, t)
		}
	}
	return kept, nil
}
