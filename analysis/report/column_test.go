package report

import (
	"cmp"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
)

const columnsPage = "../../docs/columns.md"

// TestTheColumnsPageTellsWhatEachColumnMeans compares the table of docs/columns.md with the
// columns of every table; -update writes it anew.
func TestTheColumnsPageTellsWhatEachColumnMeans(t *testing.T) {
	tables, err := everyTable(report(t).summary)
	if err != nil {
		t.Fatal(err)
	}
	type line struct {
		name, meaning string
		tables        []string
	}
	var lines []*line
	for _, table := range tables {
		for _, c := range table.Columns {
			if c.Name == "" || c.Meaning == "" {
				t.Errorf("table %s: column %q does not say what it means", table.Name, c.Name)
			}
			name := c.Name
			if c.Importance == Series {
				name = "a column each"
			}
			in := experimentOf(table.Name)
			i := slices.IndexFunc(lines, func(l *line) bool { return l.name == name && l.meaning == c.Meaning })
			if i < 0 {
				i, lines = len(lines), append(lines, &line{name: name, meaning: c.Meaning})
			}
			if !slices.Contains(lines[i].tables, in) {
				lines[i].tables = append(lines[i].tables, in)
			}
		}
	}
	slices.SortStableFunc(lines, func(a, b *line) int { return cmp.Compare(a.name, b.name) })
	var b strings.Builder
	b.WriteString("| column | tables | meaning |\n|---|---|---|\n")
	for _, l := range lines {
		fmt.Fprintf(&b, "| %s | %s | %s |\n", l.name, strings.Join(l.tables, ", "), l.meaning)
	}
	old, err := os.ReadFile(columnsPage)
	if err != nil {
		t.Fatal(err)
	}
	head, _, found := strings.Cut(string(old), "| column |")
	page := head + b.String()
	switch {
	case !found:
		t.Fatalf("%s has no table of columns", columnsPage)
	case *update:
		if err := os.WriteFile(columnsPage, []byte(page), 0o644); err != nil {
			t.Fatal(err)
		}
	case page != string(old):
		t.Errorf("%s does not list the columns of the tables (go test ./analysis/report -run ColumnsPage -update "+
			"writes it anew)", columnsPage)
	}
}
