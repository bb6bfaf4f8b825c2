// Package metering reports the cost of invocations: for each one the START, END and
// REPORT lines that AWS Lambda writes into its log, and for all together metrics for
// Prometheus.
//
//	m := metering.NewMetrics(backend.Name(), w.Stats, d.Stats, nil)
//	registry.MustRegister(m)
//
//	res, err := d.Invoke(ctx, req)
//	m.Observe(req, res, err)
//	log := metering.Tail(req, res, 4<<10)
//
// The package measures nothing itself: times come from the worker's stages,
// memory from the backend (see worker.Request.Meter).
package metering

import (
	"bytes"
	"fmt"
	"strings"
	"time"

	"github.com/lambdabench/lambdabench/platform/worker"
	"github.com/lambdabench/lambdabench/runtime/isolation"
)

// Report is what AWS Lambda's REPORT line says about an invocation (AWS Lambda
// Developer Guide, 'Viewing CloudWatch logs').
type Report struct {
	RequestID   string
	Version     string        // "$LATEST" or a number
	Duration    time.Duration // of the handler
	Billed      time.Duration // whole milliseconds
	MemoryBytes int64         // the function's limit
	MaxMemory   int64         // the most that its sandbox used; 0 where it was not metered
	Init        time.Duration // until the handler could be called; 0 on the hot and warm paths
	Status      string        // "timeout" or "error"; empty for a success
	ErrorType   string        // with status "error"
	Error       string        // the platform's message, with a status
}

// NewReport describes an invocation from its request and its response.
func NewReport(req worker.Request, res worker.Response) Report {
	s := res.Stages
	r := Report{
		RequestID: req.Invocation.ID, Version: req.Function.Version,
		Duration: s.Run, Billed: res.Billed,
		MemoryBytes: req.Function.Limits.MemoryBytes, MaxMemory: max(res.MemoryBytes, res.PeakBytes),
	}
	if res.Path == worker.Cold || res.Path == worker.Boot {
		r.Init = s.Boot + s.Deploy + s.Import + s.Capture
	}
	switch res.Outcome {
	case isolation.OK, isolation.Failed: // a handler that throws is a success of the runtime
	case isolation.TimedOut:
		r.Status = "timeout"
	case isolation.OutOfMemory:
		r.MaxMemory = r.MemoryBytes
		fallthrough
	default:
		r.Status = "error"
		if res.Error != nil {
			r.ErrorType = res.Error.Type
		}
	}
	if r.Status != "" && res.Error != nil {
		r.Error = res.Error.Message
	}
	return r
}

// Start is the line before the function's own log.
func (r Report) Start() string {
	return fmt.Sprintf("START RequestId: %s Version: %s\n", r.RequestID, r.Version)
}

// End is the line after the function's own log.
func (r Report) End() string { return fmt.Sprintf("END RequestId: %s\n", r.RequestID) }

// String is the REPORT line, with tabs between its parts as on AWS. Parts that
// are not known are left out.
func (r Report) String() string {
	s := fmt.Sprintf("REPORT RequestId: %s\tDuration: %.2f ms\tBilled Duration: %d ms\tMemory Size: %d MB\t",
		r.RequestID, ms(r.Duration), r.Billed.Milliseconds(), r.MemoryBytes>>20)
	if r.MaxMemory > 0 {
		s += fmt.Sprintf("Max Memory Used: %d MB\t", (r.MaxMemory+1<<20-1)>>20)
	}
	if r.Init > 0 {
		s += fmt.Sprintf("Init Duration: %.2f ms\t", ms(r.Init))
	}
	if r.Status != "" {
		s += "Status: " + r.Status + "\t"
	}
	if r.ErrorType != "" {
		s += "Error Type: " + r.ErrorType + "\t"
	}
	return s + "\n"
}

// Closing is all lines after the function's own log: what ended the invocation,
// if it was not the function, END and REPORT.
func (r Report) Closing() string {
	s := ""
	if r.Error != "" {
		s = strings.TrimRight(r.Error, "\n") + "\n"
	}
	if r.ErrorType != "" {
		s += r.ErrorType + "\n"
	}
	return s + r.End() + r.String()
}

// Tail is the last n bytes of an invocation's log: START, what the function
// printed, END, REPORT. The carriage returns within a line of the function's are
// the ends of lines of one message.
func Tail(req worker.Request, res worker.Response, n int) []byte {
	r := NewReport(req, res)
	printed := res.Logs[max(0, len(res.Logs)-n):]
	printed = bytes.ReplaceAll(printed, []byte("\r\n"), []byte("\n"))
	b := append([]byte(r.Start()), bytes.ReplaceAll(printed, []byte("\r"), []byte("\n"))...)
	if k := len(b); b[k-1] != '\n' {
		b = append(b, '\n')
	}
	b = append(b, r.Closing()...)
	return b[max(0, len(b)-n):]
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
