package report

import (
	"slices"
	"strings"

	"github.com/olekukonko/tablewriter/pkg/twwarp"
	"github.com/olekukonko/tablewriter/pkg/twwidth"

	"github.com/lambdabench/lambdabench/analysis/reference"
)

// sheet is a part of a table that is printed as one: cells may have several lines.
type sheet struct {
	columns []Column
	head    []string
	rows    [][]string
	paper   []bool // whether a row is quoted
}

// layout is a table as a terminal of some width shows it.
type layout struct {
	parts   []sheet
	marks   []string // "a: few trials", where letters stand for warnings
	leftOut []string // names of columns
}

// marksName is the heading of letters that stand for warnings.
const marksName = "!"

// wordLimits are how many letters of words a line of a cell has, from a terminal that is a
// little too narrow to one that is much too narrow.
var wordLimits = []int{28, 20, 14, 10, 7, 5}

// layout fits a table into a width; 0 is no bound. What is done, in this order, until the
// table fits: letters stand for warnings, headings and words are broken into lines, columns
// of little importance leave, words are broken into shorter lines, all figures but the first
// leave. A table with columns of one kind (Series) is continued below instead of losing some.
func (t *Table) layout(width int) layout {
	s := t.sheet()
	if width <= 0 || s.width() <= width {
		return layout{parts: []sheet{s}}
	}
	l := layout{marks: s.markWarnings()}
	l.drop(&s, Extra, 0, wordLimits[0], width)
	l.drop(&s, Detail, 0, wordLimits[0], width)
	l.drop(&s, Useful, 0, wordLimits[1], width)
	fitted, ok := s.narrowest(wordLimits[:4], width)
	if !ok {
		l.drop(&s, Main, 1, wordLimits[0], width)
		fitted, _ = s.narrowest(wordLimits, width)
	}
	slices.Reverse(l.leftOut)
	fitted.dropEmptyQuotes()
	l.parts = fitted.split(width)
	return l
}

// dropEmptyQuotes removes the quoted rows of which no figure is left.
func (s *sheet) dropEmptyQuotes() {
	var rows [][]string
	for i, r := range s.rows {
		full := false
		for c, col := range s.columns {
			full = full || col.Importance != Key && r[c] != none && r[c] != ""
		}
		if full || !s.paper[i] {
			rows = append(rows, r)
		}
	}
	s.rows = rows
}

// narrowest is the sheet with the longest lines of words with which it fits; where it does not
// fit with any, with the shortest.
func (s *sheet) narrowest(limits []int, width int) (fitted sheet, ok bool) {
	for _, limit := range limits {
		if fitted = s.broken(limit); fitted.least() <= width {
			return fitted, true
		}
	}
	return fitted, false
}

// sheet is the table's text as one sheet. In a terminal the paper has a short name.
func (t *Table) sheet() sheet {
	short := func(cells []string) []string {
		out := make([]string, len(cells))
		for i, c := range cells {
			out[i] = strings.ReplaceAll(c, reference.Label, paperName)
		}
		return out
	}
	s := sheet{columns: slices.Clone(t.Columns), head: short(columnNames(t.Columns))}
	for _, r := range t.Rows {
		s.rows, s.paper = append(s.rows, short(r.Cells)), append(s.paper, r.Paper)
	}
	return s
}

// paperName stands for reference.Label in a terminal.
const paperName = "paper"

// column is the width of a column, its heading left out.
func (s *sheet) column(c int) int {
	w := 0
	for _, r := range s.rows {
		w = max(w, textWidth(r[c]))
	}
	return w
}

// width is that of the sheet with a space on each side of every cell.
func (s *sheet) width() int {
	w := 0
	for c := range s.columns {
		w += s.cell(c)
	}
	return w
}

// cell is the width of a column with a space on each side.
func (s *sheet) cell(c int) int { return 2 + max(textWidth(s.head[c]), s.column(c)) }

// least is the width of the narrowest part that the sheet can be split into.
func (s *sheet) least() int {
	w, series := 0, 0
	for c, col := range s.columns {
		if s.movable(c) {
			series = max(series, s.cell(c))
		} else if col.Importance == Key || col.Name == marksName {
			w += s.cell(c)
		}
	}
	if series == 0 {
		return s.width()
	}
	return w + series
}

// movable reports whether a column may stand in a further part of the table.
func (s *sheet) movable(c int) bool {
	series := slices.ContainsFunc(s.columns, func(col Column) bool { return col.Importance == Series })
	return series && s.columns[c].Importance != Key && s.columns[c].Name != marksName
}

// markWarnings replaces warnings by letters and returns what each stands for.
func (s *sheet) markWarnings() []string {
	c := slices.IndexFunc(s.columns, func(c Column) bool { return c.Name == warningsName })
	if c < 0 {
		return nil
	}
	var kinds, legend []string
	for _, r := range s.rows {
		var letters []byte
		for _, kind := range strings.Split(r[c], kindSeparator) {
			if kind == "" || kind == none {
				continue
			}
			i := slices.Index(kinds, kind)
			if i < 0 {
				i, kinds = len(kinds), append(kinds, kind)
			}
			letters = append(letters, letter(i))
		}
		slices.Sort(letters)
		r[c] = string(letters)
	}
	for i, kind := range kinds {
		legend = append(legend, string(letter(i))+": "+kind)
	}
	s.columns[c].Name, s.head[c] = marksName, marksName
	return legend
}

// letter is the i-th of a, b, … z; there are fewer kinds of warnings.
func letter(i int) byte { return byte('a' + i%26) }

// broken is the sheet with words and headings in lines: words of at most so many letters, and
// headings as wide as their columns, or as their widest word where that has no more letters.
func (s *sheet) broken(limit int) sheet {
	b := sheet{columns: s.columns, head: slices.Clone(s.head), paper: s.paper}
	for _, r := range s.rows {
		cells := slices.Clone(r)
		for c, col := range s.columns {
			if col.Words {
				cells[c] = wrap(cells[c], limit)
			}
		}
		b.rows = append(b.rows, cells)
	}
	for c := range b.head {
		b.head[c] = wrap(b.head[c], max(b.column(c), min(limit, widestWord(b.head[c]))))
	}
	return b
}

// drop removes columns of an importance from the right until the sheet, with words in lines of
// some length, fits; it spares so many columns, and the letters of warnings.
func (l *layout) drop(s *sheet, i Importance, spared, limit, width int) {
	for c := len(s.columns) - 1; c >= 0; c-- {
		of := 0
		for _, col := range s.columns {
			if col.Importance == i {
				of++
			}
		}
		if s.columns[c].Importance != i || s.columns[c].Name == marksName || of <= spared {
			continue
		}
		if b := s.broken(limit); b.least() <= width {
			return
		}
		l.leftOut = append(l.leftOut, s.head[c])
		s.columns, s.head = slices.Delete(s.columns, c, c+1), slices.Delete(s.head, c, c+1)
		for r := range s.rows {
			s.rows[r] = slices.Delete(s.rows[r], c, c+1)
		}
	}
}

// split puts the columns of a sheet that is too wide into several, each with the Key columns
// and the letters of warnings.
func (s *sheet) split(width int) []sheet {
	if s.width() <= width || s.least() == s.width() {
		return []sheet{*s}
	}
	fixed := 0
	for c := range s.columns {
		if !s.movable(c) {
			fixed += s.cell(c)
		}
	}
	var parts []sheet
	for next := 0; next < len(s.columns); {
		room, from := width-fixed, next
		for ; next < len(s.columns); next++ {
			if !s.movable(next) {
				continue
			}
			if room -= s.cell(next); room < 0 && next > from {
				break
			}
		}
		if part := s.part(from, next); slices.ContainsFunc(part.columns, func(c Column) bool {
			return c.Importance != Key && c.Name != marksName
		}) {
			parts = append(parts, part)
		}
	}
	return parts
}

// part is the columns in [from, to) and those that every part has.
func (s *sheet) part(from, to int) sheet {
	var p sheet
	p.rows = make([][]string, len(s.rows))
	for c, col := range s.columns {
		if s.movable(c) && (c < from || c >= to) {
			continue
		}
		p.columns, p.head = append(p.columns, col), append(p.head, s.head[c])
		for r := range s.rows {
			p.rows[r] = append(p.rows[r], s.rows[r][c])
		}
	}
	return p
}

// textWidth is the width of the widest line of a text.
func textWidth(text string) int {
	w := 0
	for line := range strings.SplitSeq(text, "\n") {
		w = max(w, twwidth.Width(line))
	}
	return w
}

func widestWord(text string) int {
	w := 0
	for word := range strings.FieldsSeq(text) {
		w = max(w, twwidth.Width(word))
	}
	return w
}

// wrap breaks a text between words, and a word that is wider than a line behind one of its signs
// or, where it has none, anywhere.
func wrap(text string, limit int) string {
	limit = max(limit, 1)
	var words []string
	for word := range strings.FieldsSeq(text) {
		for twwidth.Width(word) > limit {
			head := twwidth.Truncate(word, limit)
			if head == "" { // a letter that is wider than the line
				break
			}
			if i := strings.LastIndexAny(head, "+/-_:"); i > 0 {
				head = head[:i+1]
			}
			words, word = append(words, head), strings.TrimPrefix(word, head)
		}
		words = append(words, word)
	}
	lines, _ := twwarp.WrapString(strings.Join(words, " "), limit)
	return strings.Join(lines, "\n")
}
