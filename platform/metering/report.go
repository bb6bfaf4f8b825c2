package metering

import (
	"fmt"
	"math"
	"time"

	"github.com/lambdabench/lambdabench/platform/worker"
)

// Report is what AWS Lambda's REPORT line says about an invocation.
type Report struct {
	RequestID   string
	Version     string // "$LATEST" or a number
	Duration    time.Duration
	Billed      time.Duration
	MemoryBytes int64         // the function's limit
	MaxMemory   int64         // bytes used; 0 where it was not metered
	Init        time.Duration // 0 where the function was loaded already
	Status      string        // "timeout" or "error"; empty for a success
	ErrorType   string
}

// NewReport describes an invocation from its request and its response.
func NewReport(req worker.Request, res worker.Response) Report {
	s := res.Stages
	r := Report{
		RequestID: req.Invocation.ID, Version: req.Function.Version,
		Duration: s.Run, Billed: res.Billed,
		MemoryBytes: req.Function.Limits.MemoryBytes, MaxMemory: res.MemoryBytes,
	}
	if res.Path == worker.Cold || res.Path == worker.Boot {
		r.Init = s.Boot + s.Deploy + s.Import + s.Capture
	}
	return r
}

// StartLine is the line before the function's own log.
func (r Report) StartLine() string {
	return fmt.Sprintf("START RequestId: %s Version: %s\n", r.RequestID, r.Version)
}

// EndLine is the line after the function's own log.
func (r Report) EndLine() string { return fmt.Sprintf("END RequestId: %s\n", r.RequestID) }

// String is the REPORT line, with tabs between its parts as on AWS.
func (r Report) String() string {
	s := fmt.Sprintf("REPORT RequestId: %s\tDuration: %.2f ms\tBilled Duration: %d ms\tMemory Size: %d MB\tMax Memory Used: %d MB\t",
		r.RequestID, ms(r.Duration), int64(math.Ceil(ms(r.Billed))), r.MemoryBytes>>20, (r.MaxMemory+1<<20-1)>>20)
	if r.Init > 0 {
		s += fmt.Sprintf("Init Duration: %.2f ms\t", ms(r.Init))
	}
	return s + "\n"
}

// Log is the whole log of an invocation: START, what the function printed,
// END, REPORT.
func Log(req worker.Request, res worker.Response) []byte {
	r := NewReport(req, res)
	b := append([]byte(r.StartLine()), res.Logs...)
	if n := len(res.Logs); n > 0 && res.Logs[n-1] != '\n' {
		b = append(b, '\n')
	}
	return append(append(b, r.EndLine()...), r.String()...)
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
