package traffic

import (
	"bufio"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
)

// table reads a CSV file with a header, row by row. Its errors name the file and the line.
type table struct {
	name    string
	comment string // the lines before the header that begin with #
	header  []string
	row     []string

	csv    *csv.Reader
	before int // lines of comment
	left   leftOut
}

// openTable reads the header, which must have these columns.
func openTable(name string, r io.Reader, columns ...string) (*table, error) {
	t := &table{name: name}
	in := bufio.NewReaderSize(r, 1<<16)
	for {
		if mark, err := in.Peek(1); err != nil || mark[0] != '#' {
			break
		}
		line, err := in.ReadString('\n')
		if err != nil && err != io.EOF {
			return nil, fmt.Errorf("%s, line %d: %w", name, t.before+1, err)
		}
		t.before++
		t.comment = strings.TrimSpace(t.comment + " " + strings.TrimSpace(line[1:]))
	}
	t.csv = csv.NewReader(in)
	t.csv.ReuseRecord = true
	more, err := t.next()
	if err != nil {
		return nil, err
	}
	if !more {
		return nil, fmt.Errorf("%s, line %d: no header; want the columns %s", name, t.before+1,
			strings.Join(columns, ", "))
	}
	t.header = slices.Clone(t.row)
	t.header[0] = strings.TrimPrefix(t.header[0], "\ufeff")
	for _, c := range columns {
		if !slices.Contains(t.header, c) {
			return nil, t.fail("no column %q in the header; want %s", c, strings.Join(columns, ", "))
		}
	}
	return t, nil
}

// column is the place of a column that the header has.
func (t *table) column(name string) int { return slices.Index(t.header, name) }

// next reads a row; false is the end of the file.
func (t *table) next() (bool, error) {
	row, err := t.csv.Read()
	var bad *csv.ParseError
	switch {
	case err == io.EOF:
		return false, nil
	case errors.As(err, &bad) && errors.Is(err, csv.ErrFieldCount):
		return false, fmt.Errorf("%s, line %d: %d fields, the header has %d", t.name, t.before+bad.Line, len(row),
			len(t.header))
	case errors.As(err, &bad):
		return false, fmt.Errorf("%s, line %d: %w", t.name, t.before+bad.Line, bad.Err)
	case err != nil:
		return false, fmt.Errorf("read %s: %w", t.name, err)
	}
	t.row = row
	return true, nil
}

// line is the line of the row.
func (t *table) line() int {
	n, _ := t.csv.FieldPos(0)
	return t.before + n
}

func (t *table) fail(format string, args ...any) error {
	return fmt.Errorf("%s, line %d: %s", t.name, t.line(), fmt.Sprintf(format, args...))
}

// maxNumber bounds every value of a table: seconds of 3,000 years, or more memory than there is.
const maxNumber = 1e11

// number is a field as a number. Traces say "not recorded" in several ways, with nothing, nan
// or a negative value: then known is false.
func (t *table) number(column int) (v float64, known bool, err error) {
	text := t.row[column]
	if text == "" {
		return 0, false, nil
	}
	v, err = strconv.ParseFloat(text, 64)
	if err != nil || v > maxNumber {
		return 0, false, t.fail("%s %q is not a number up to %g", t.header[column], text, float64(maxNumber))
	}
	return v, v >= 0 && !math.IsNaN(v), nil
}

// leave counts a row that is left out, by its reason.
func (t *table) leave(reason string) { t.left.add(reason, t.line()) }

// leftOut counts what is left out, by reason, with the first line of each.
type leftOut struct {
	reasons []string
	count   map[string]int
	line    map[string]int
}

func (l *leftOut) add(reason string, line int) {
	if l.count == nil {
		l.count, l.line = map[string]int{}, map[string]int{}
	}
	if l.count[reason]++; l.count[reason] == 1 {
		l.reasons, l.line[reason] = append(l.reasons, reason), line
	}
}

// notes says of a file what was left out.
func (l *leftOut) notes(name string) (all []string) {
	for _, reason := range l.reasons {
		all = append(all, fmt.Sprintf("%s: %d rows %s (the first is line %d)", name, l.count[reason], reason,
			l.line[reason]))
	}
	return all
}
