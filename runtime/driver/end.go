package driver

import (
	"bytes"
	"fmt"
	"syscall"
	"time"

	"github.com/lambdabench/lambdabench/runtime/isolation"
)

// End is what a backend found out about a driver whose stream ended. The zero
// value means that nothing is known.
type End struct {
	// Status is how the process ended, in the words of os.ProcessState:
	// "exit status 1", "signal: killed". Empty for a clean exit.
	Status string

	// OutOfMemory tells that the sandbox met its memory limit of LimitBytes.
	OutOfMemory bool
	LimitBytes  int64

	// Note is the backend's own remark, which goes to the log.
	Note string

	// Words are the last text that the driver's process printed, for Err. A result
	// has the text in its log.
	Words []byte
}

// OutOfMemoryAbove follows the status of a process that the kernel killed for
// memory, and that was within its own limit.
const OutOfMemoryAbove = " (the host, or a control group above the function's, is out of memory)"

// EndOf reads a wait status.
func EndOf(ws syscall.WaitStatus) End {
	switch {
	case ws.Signaled():
		return End{Status: "signal: " + ws.Signal().String()}
	case ws.ExitStatus() != 0:
		return End{Status: fmt.Sprintf("exit status %d", ws.ExitStatus())}
	}
	return End{}
}

// Err is the end as an error, for whoever keeps a sandbox that ended between
// calls. The runtime's dying words go with it.
func (e End) Err() error {
	how := e.Status
	switch {
	case e.outOfMemory(e.Words):
		how = e.memoryStatus()
	case how == "":
		how = "exit status 0"
	}
	if words := bytes.TrimSpace(append([]byte(e.Note), e.Words...)); len(words) > 0 {
		return fmt.Errorf("%w: %s; it said: %s", ErrEnded, how, words)
	}
	return fmt.Errorf("%w: %s", ErrEnded, how)
}

// apply turns the end of a driver into an invocation's result, in AWS Lambda's
// words. The result has its log already.
func (e End) apply(res *isolation.Result, id string) {
	fe := &isolation.FunctionError{Fatal: true, Type: isolation.TypeExit}
	res.Outcome, res.Payload, res.Error = isolation.Crashed, nil, fe
	switch {
	case e.outOfMemory(res.Logs):
		res.Outcome, fe.Type = isolation.OutOfMemory, isolation.TypeOutOfMemory
		fe.Message = requestError(id, "Runtime exited with error: "+e.memoryStatus())
	case e.Status == "":
		fe.Message = requestError(id, "Runtime exited without providing a reason")
	default:
		fe.Message = requestError(id, "Runtime exited with error: "+e.Status)
	}
	res.Logs = append(res.Logs, e.Note...)
}

// outOfMemory also believes a runtime that says so itself: V8 aborts when its
// own heap limit comes before the sandbox's.
func (e End) outOfMemory(said []byte) bool {
	return e.OutOfMemory || bytes.Contains(said, []byte("JavaScript heap out of memory"))
}

func (e End) memoryStatus() string {
	status := e.Status
	if status == "" {
		status = "signal: killed"
	}
	if e.LimitBytes > 0 {
		return fmt.Sprintf("%s (memory limit of %d MB was met)", status, e.LimitBytes>>20)
	}
	return status + " (out of memory)"
}

func requestError(id, what string) string { return "RequestId: " + id + " Error: " + what }

func timedOutMessage(id string, after time.Duration) string {
	return requestError(id, fmt.Sprintf("Task timed out after %.2f seconds", after.Seconds()))
}
