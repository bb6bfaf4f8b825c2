package driver

import (
	"bytes"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/lambdabench/lambdabench/runtime/isolation"
)

// Bounds of a log. A longer log loses its middle: the error stands at the end.
const (
	logEnd   = 8 << 10
	logMarks = 1024
	logTick  = time.Millisecond // between two marks
)

// Output collects what a sandbox prints. The zero value works, and is small
// while nothing was printed. Its methods may be called from any goroutine.
type Output struct {
	mu  sync.Mutex
	log *logBuffer
}

// Write implements io.Writer; it never fails.
func (o *Output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.add(p)
	return len(p), nil
}

// add is Write with mu held.
func (o *Output) add(p []byte) {
	if len(p) == 0 {
		return
	}
	if o.log == nil {
		o.log = &logBuffer{}
	}
	o.log.add(p)
}

// Printed implements isolation.Printer.
func (o *Output) Printed() ([]byte, []isolation.LogMark) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.drain()
}

func (o *Output) drain() ([]byte, []isolation.LogMark) {
	l := o.log
	if l == nil {
		return nil, nil
	}
	o.log = nil
	return l.bytes(), l.marks
}

// Peek returns the end of the log, which stays.
func (o *Output) Peek() []byte {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.log == nil {
		return nil
	}
	if len(o.log.end) > 0 {
		return slices.Clone(o.log.end)
	}
	return slices.Clone(o.log.begin[max(0, len(o.log.begin)-logEnd):])
}

// logBuffer keeps the beginning and the end of a log.
type logBuffer struct {
	begin, end []byte
	lost       int
	marks      []isolation.LogMark
}

func (l *logBuffer) add(p []byte) {
	l.mark()
	keep := min(len(p), isolation.MaxLogBytes-logEnd-len(l.begin))
	l.begin = append(l.begin, p[:keep]...)
	l.end = append(l.end, p[keep:]...)
	if len(l.end) > 2*logEnd { // not each time: that would copy the end for every line
		l.trim()
	}
}

func (l *logBuffer) mark() {
	now := time.Now()
	if n := len(l.marks); n >= logMarks || n > 0 && now.Sub(l.marks[n-1].At) < logTick {
		return
	}
	l.marks = append(l.marks, isolation.LogMark{Offset: len(l.begin) + len(l.end), At: now})
}

// trim drops all but the last bytes. Marks of what was dropped fall onto what
// stays.
func (l *logBuffer) trim() {
	over := len(l.end) - logEnd
	if over <= 0 {
		return
	}
	l.lost += over
	l.end = append(l.end[:0], l.end[over:]...)
	for i := range l.marks {
		if m := &l.marks[i]; m.Offset > len(l.begin) {
			m.Offset = max(len(l.begin), m.Offset-over)
		}
	}
}

func (l *logBuffer) bytes() []byte {
	l.trim()
	if l.lost == 0 {
		return append(l.begin, l.end...)
	}
	note := "\n"
	if bytes.HasSuffix(l.begin, []byte("\n")) {
		note = ""
	}
	note += fmt.Sprintf("[%d bytes of log dropped]\n", l.lost)
	for i := range l.marks {
		if m := &l.marks[i]; m.Offset > len(l.begin) {
			m.Offset += len(note)
		}
	}
	return append(append(l.begin, note...), l.end...)
}
