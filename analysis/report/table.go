package report

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/olekukonko/tablewriter"
	"github.com/olekukonko/tablewriter/renderer"
	"github.com/olekukonko/tablewriter/tw"
)

// Table is one table, before it is text, Markdown or HTML.
type Table struct {
	Name    string // "deploy", "throughput-nodejs20.x"
	Title   string
	Note    string // how to read it
	Columns []Column
	Rows    []Row
}

// Row is a row of a Table. Rows with Paper set are not from this run.
type Row struct {
	Cells []string
	Paper bool
}

func (t *Table) add(cells ...string) { t.Rows = append(t.Rows, Row{Cells: cells}) }

func (t *Table) addPaper(cells ...string) { t.Rows = append(t.Rows, Row{Cells: cells, Paper: true}) }

// Measured reports whether a row is from this run.
func (t *Table) Measured() bool {
	for _, r := range t.Rows {
		if !r.Paper {
			return true
		}
	}
	return false
}

// Numeric reports whether a column holds figures.
func (t *Table) Numeric(column int) bool { return !t.Columns[column].Words }

// prune drops the columns in which there is nothing, but those that tell the rows apart.
func (t *Table) prune() {
	for c := len(t.Columns) - 1; c >= 0; c-- {
		full := slices.ContainsFunc(t.Rows, func(r Row) bool { return r.Cells[c] != none && r.Cells[c] != "" })
		if full || t.Columns[c].Importance == Key {
			continue
		}
		t.Columns = slices.Delete(t.Columns, c, c+1)
		for i := range t.Rows {
			t.Rows[i].Cells = slices.Delete(t.Rows[i].Cells, c, c+1)
		}
	}
}

// Text writes the table for a terminal of some width; 0 is no bound.
func (t *Table) Text(w io.Writer, width int) error {
	l := t.layout(width)
	var b strings.Builder
	b.WriteString("\n" + wrapLine("", t.Title, width))
	for i := range l.parts {
		if i > 0 {
			b.WriteString("\n")
		}
		if err := l.parts[i].render(&b, renderer.NewBlueprint(tw.Rendition{
			Borders:  tw.BorderNone,
			Symbols:  tw.NewSymbols(tw.StyleLight),
			Settings: tw.Settings{Separators: tw.Separators{BetweenColumns: tw.Off, BetweenRows: tw.Off}},
		})); err != nil {
			return fmt.Errorf("table %s: %w", t.Name, err)
		}
	}
	if len(l.marks) > 0 {
		b.WriteString(wrapLine(" ", marksName+" "+strings.Join(l.marks, "; "), width))
	}
	if t.Note != "" {
		b.WriteString(wrapLine(" ", t.Note, width))
	}
	if len(l.leftOut) > 0 {
		b.WriteString(wrapLine(" ", "Left out for want of room (--wide shows all): "+strings.Join(l.leftOut, ", "),
			width))
	}
	for line := range strings.Lines(b.String()) {
		if _, err := fmt.Fprintln(w, strings.TrimRight(line, " \n")); err != nil {
			return err
		}
	}
	return nil
}

// wrapLine is a text in lines of at most width, each behind an indent, with a line break at
// the end; width 0 is no bound.
func wrapLine(indent, text string, width int) string {
	if width > 0 {
		text = strings.ReplaceAll(wrap(text, width-len(indent)), "\n", "\n"+indent)
	}
	return indent + text + "\n"
}

// Markdown is the table in GitHub's Markdown, without its title.
func (t *Table) Markdown() (string, error) {
	s := sheet{columns: t.Columns, head: columnNames(t.Columns)}
	for _, r := range t.Rows {
		s.rows = append(s.rows, r.Cells)
	}
	var b strings.Builder
	if err := s.render(&b, renderer.NewMarkdown()); err != nil {
		return "", fmt.Errorf("table %s: %w", t.Name, err)
	}
	if t.Note != "" {
		b.WriteString("\n" + t.Note + "\n")
	}
	return b.String(), nil
}

func (s *sheet) render(w io.Writer, r tw.Renderer) error {
	align := make([]tw.Align, len(s.columns))
	for i, c := range s.columns {
		align[i] = tw.AlignRight
		if c.Words {
			align[i] = tw.AlignLeft
		}
	}
	cell := tw.CellConfig{
		Formatting: tw.CellFormatting{AutoWrap: tw.WrapNone, AutoFormat: tw.Off},
		Alignment:  tw.CellAlignment{Global: tw.AlignLeft, PerColumn: align},
	}
	tab := tablewriter.NewTable(w, tablewriter.WithRenderer(r),
		tablewriter.WithConfig(tablewriter.Config{Header: cell, Row: cell}))
	tab.Header(s.head)
	for _, cells := range s.rows {
		if err := tab.Append(cells); err != nil {
			return err
		}
	}
	return tab.Render()
}
