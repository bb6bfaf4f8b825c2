package driver

import (
	"fmt"

	"github.com/lambdabench/lambdabench/runtime"
)

// logBuffer keeps the first MaxLogBytes that an invocation prints. A nil
// buffer drops everything.
type logBuffer struct {
	b    []byte
	lost int
}

func (l *logBuffer) add(p []byte) {
	if l == nil {
		return
	}
	keep := min(len(p), runtime.MaxLogBytes-len(l.b))
	l.b = append(l.b, p[:keep]...)
	l.lost += len(p) - keep
}

func (l *logBuffer) bytes() []byte {
	if l.lost > 0 {
		return fmt.Appendf(l.b, "\n[%d further bytes of log dropped]\n", l.lost)
	}
	return l.b
}
