package conformance

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/lambdabench/lambdabench/runtime/isolation"
	"github.com/lambdabench/lambdabench/runtime/runtimetest"
)

// logging is what a function prints, in whatever way, and however it ends.
func (s *suite) logging(t *testing.T) {
	t.Run("descriptors 1 and 2", s.descriptors)
	t.Run("the end of a long log", s.endOfLog)
	t.Run("much at once", s.muchAtOnce)
	t.Run("before the end", s.logBeforeEnd)
	t.Run("failing import", s.importLog)
	t.Run("after the reply", s.logAfterReply)
}

// wantInOrder fails the test unless the log has the texts one after the other.
func wantInOrder(t testing.TB, log []byte, texts ...string) {
	t.Helper()
	rest := string(log)
	for _, text := range texts {
		_, after, ok := strings.Cut(rest, text)
		if !ok {
			t.Errorf("log %.2000q: no %q, or not in its place", log, text)
			return
		}
		rest = after
	}
}

func (s *suite) descriptors(t *testing.T) {
	sb := s.load(t, s.function("index.handler"))
	res := invoke(t, sb, do("printRaw"))
	last := "native five\n"
	if s.node() {
		last = "async five\n"
	}
	wantInOrder(t, res.Logs, "raw one\n", "two\rlines\n", "raw three\n", "bytes four\n", last)
	if len(res.Marks) == 0 || res.Marks[0].Offset != 0 || time.Since(res.Marks[0].At) > patience {
		t.Errorf("marks %v do not say when the log came", res.Marks)
	}
}

func (s *suite) endOfLog(t *testing.T) {
	sb := s.load(t, s.function("index.handler"))
	res := invoke(t, sb, `{"do":"printAndThrow","lines":1000}`)
	end := res.Logs[max(0, len(res.Logs)-4<<10):]
	if s.node() {
		wantInOrder(t, end, "the last line\n",
			"\t"+requestID+"\tERROR\tInvoke Error \t{\"errorType\":\"TypeError\",\"errorMessage\":\"at the end\"")
	} else {
		wantInOrder(t, end, "the last line\n", "[ERROR] TypeError: at the end\rTraceback (most recent call last):\r"+
			"\u00a0\u00a0File \"/var/task/index.py\", line ")
	}
	wantInOrder(t, res.Logs, "bytes of log dropped]\n")
}

// muchAtOnce: one write of more than a pipe or a frame holds is neither cut nor refused.
func (s *suite) muchAtOnce(t *testing.T) {
	const size = isolation.MaxLogBytes - 4<<10
	sb := s.load(t, s.function("index.handler"))
	res := invoke(t, sb, fmt.Sprintf(`{"do":"printAtOnce","bytes":%d}`, size))
	wantResult(t, res, strconv.Itoa(size))
	if n := bytes.Count(res.Logs, []byte("y")); n != size || len(res.Logs) > size+1 {
		t.Errorf("of one text of %d bytes %d are in a log of %d", size, n, len(res.Logs))
	}
}

func (s *suite) logBeforeEnd(t *testing.T) {
	for _, c := range []struct {
		do, says string
		limit    time.Duration
	}{
		{"printAndCrash", "before the crash\n", patience},
		{"printAndHang", "before the time-out\n", 2 * time.Second},
		{"printAndHog", "before the end of memory\n", patience},
	} {
		t.Run(c.do, func(t *testing.T) {
			fn := s.function("index.handler")
			if c.do == "printAndHog" {
				fn.Limits.MemoryBytes = 256 << 20
				s.needLimit(t, fn.Limits)
			}
			wantInOrder(t, invokeFor(t, s.load(t, fn), do(c.do), c.limit).Logs, c.says)
		})
	}
	if !s.node() {
		return
	}
	for name, says := range map[string]string{
		"uncaught": "ERROR\tUncaught Exception \t{\"errorType\":\"RangeError\",\"errorMessage\":\"out of the blue\"",
		"unhandled": "ERROR\tUnhandled Promise Rejection \t" +
			"{\"errorType\":\"Runtime.UnhandledPromiseRejection\",\"errorMessage\":\"RangeError: nobody listens\"",
	} {
		t.Run(name, func(t *testing.T) {
			wantInOrder(t, invoke(t, s.load(t, s.function("index.handler")), do(name)).Logs, "\t"+requestID+"\t"+says)
		})
	}
}

func (s *suite) importLog(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	err := s.boot(t, isolation.Limits{}).Import(ctx, s.function("talks.handler"))
	var own *isolation.FunctionError
	if !errors.As(err, &own) {
		t.Fatalf("import gave %v", err)
	}
	says := "[ERROR] RuntimeError: broken while loading\rTraceback"
	if s.node() {
		says = "\tundefined\tERROR\tUncaught Exception \t" +
			"{\"errorType\":\"RangeError\",\"errorMessage\":\"broken while loading\""
	}
	wantInOrder(t, own.Logs, "printed while loading\n", says)
}

// logAfterReply: what comes after the reply is in the next result, or, where
// the sandbox ended, with its last words.
func (s *suite) logAfterReply(t *testing.T) {
	sb := s.load(t, s.function("index.handler"))
	first := invoke(t, sb, do("failLater"))
	wantResult(t, first, `"replied"`)
	printer, ok := sb.(isolation.Printer)
	if !ok {
		t.Fatal("a sandbox is no isolation.Printer: what it prints after its last reply is lost")
	}
	log := first.Logs // it may have come before these were taken
	if done, ok := sb.(interface{ Done() <-chan struct{} }); ok {
		runtimetest.Eventually(t, "the sandbox ends", func() bool {
			select {
			case <-done.Done():
				return true
			default:
				return false
			}
		})
	} else {
		res, err := sb.Invoke(t.Context(), invocation(do("hang"), 2*time.Second))
		if err == nil {
			log = append(log, res.Logs...)
		}
	}
	if err := sb.Close(); err != nil {
		t.Fatal(err)
	}
	last, _ := printer.Printed()
	wantInOrder(t, append(log, last...), "after the reply")
}
