package report

import "slices"

// pageTable is a Table as the page shows it.
type pageTable struct {
	Title, Note string
	Columns     []pageColumn
	Rows        []pageRow
}

type pageColumn struct {
	Name, Meaning string
	Numeric       bool
}

// pageRow is a row; the page hides it with its backend or runtime.
type pageRow struct {
	Backend, Runtime string
	Paper            bool
	Cells            []pageCell
}

// longWords is the length from which the page gives a cell of words a least width, so that
// the cell is not broken after each word.
const longWords = 24

type pageCell struct{ Text, Class string }

func pageTableOf(t *Table) pageTable {
	p := pageTable{Title: t.Title, Note: t.Note}
	classes := make([]string, len(t.Columns))
	named := func(name string) int {
		return slices.IndexFunc(t.Columns, func(c Column) bool { return c.Name == name })
	}
	backend, rt := named(backendColumn.Name), named(runtimeColumn.Name)
	for i, c := range t.Columns {
		p.Columns = append(p.Columns, pageColumn{c.Name, c.Meaning, t.Numeric(i)})
		switch {
		case t.Numeric(i):
			classes[i] = "n"
		case c.Name == warningsName:
			classes[i] = "warnings"
		case slices.ContainsFunc(t.Rows, func(r Row) bool { return len(r.Cells[i]) > longWords }):
			classes[i] = "words"
		}
	}
	for _, r := range t.Rows {
		row := pageRow{Paper: r.Paper}
		for i, text := range r.Cells {
			row.Cells = append(row.Cells, pageCell{text, classes[i]})
		}
		if backend >= 0 && !r.Paper {
			row.Backend = r.Cells[backend]
		}
		if rt >= 0 && !r.Paper {
			row.Runtime = r.Cells[rt]
		}
		p.Rows = append(p.Rows, row)
	}
	return p
}
