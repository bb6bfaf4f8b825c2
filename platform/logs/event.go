package logs

import (
	"bytes"
	"fmt"
	"strings"
	"time"
)

// Event is one line of a log, or several that were printed as one.
type Event struct {
	At      time.Time
	Message string // with its newline, as AWS Lambda's have
	Stream  string

	record Position
	line   int
	stored time.Time
}

// id names the event: the same one each time.
func (e Event) id() string {
	return fmt.Sprintf("%020d%010d%016d%010d", e.At.UnixMilli(), e.record.Segment, e.record.Offset, e.line)
}

// Lines are what was printed, line by line, with the moment at which each came.
// The carriage returns within a line are the ends of lines of one message (see
// the driver).
func (r Record) Lines(do func(at time.Time, line string)) {
	at, offset, marks := r.End, 0, r.Marks
	for line := range bytes.Lines(r.Text) {
		for len(marks) > 0 && marks[0].Offset <= offset {
			at, marks = marks[0].At, marks[1:]
		}
		offset += len(line)
		text := strings.TrimRight(string(line), "\r\n")
		do(at, strings.ReplaceAll(text, "\r", "\n"))
	}
}

// events are the record's lines, in order of time.
func (r Record) events(at Position) (all []Event) {
	add := func(when time.Time, text string) {
		e := Event{At: when, Message: text + "\n", Stream: r.Stream, record: at, line: len(all), stored: r.End}
		if n := len(all); n > 0 && e.At.Before(all[n-1].At) { // printed while the code was loaded
			e.At = all[n-1].At
		}
		all = append(all, e)
	}
	if r.Report != nil {
		add(r.Start, strings.TrimSuffix(r.Report.Start(), "\n"))
	}
	r.Lines(add)
	if r.Report != nil {
		for line := range strings.Lines(r.Report.Closing()) {
			add(r.End, strings.TrimSuffix(line, "\n"))
		}
	}
	return all
}
