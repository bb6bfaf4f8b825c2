package worker

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/lambdabench/lambdabench/runtime/isolation"
	"github.com/lambdabench/lambdabench/runtime/runtimetest"
	"github.com/lambdabench/lambdabench/runtime/unikernel"
)

// heavySource imports as a numeric library does: half a second of computing,
// and 50 MB of objects that stay.
const heavySource = `
table = [str(i) * 3 for i in range(600000)]
index = {s: i for i, s in enumerate(table[:100000])}
total = 0
for i in range(3000000): total += i * i

def handler(event, context):
    n = 0
    for s in table[:20000]: n += len(s)
    return n
`

// BenchmarkCallsBesideACapture compares hot calls in the second after a first one
// between the capture modes, in turns, so that all see the same machine. Without
// captures nothing runs beside the calls. In mode after, calls go on until the snapshot
// is there, since captures wait for a quiet moment.
func BenchmarkCallsBesideACapture(b *testing.B) {
	in := runtimetest.Interpreter(b, isolation.Python)
	fn := runtimetest.Function(b, isolation.Python, heavySource)
	backend := unikernel.New(unikernel.Config{})
	defer backend.Close()
	if err := backend.Probe(b.Context()); err != nil {
		b.Skip(err)
	}
	modes := []CaptureMode{CaptureOff, CaptureInline, CaptureAfter}
	calls := map[CaptureMode]*callsBeside{}
	for _, mode := range modes {
		w, err := New(Config{Capture: mode, Memory: 512 << 20}, backend, []isolation.Interpreter{in})
		if err != nil {
			b.Fatal(err)
		}
		defer w.Close()
		ready(b, w)
		calls[mode] = &callsBeside{w: w, mode: mode}
	}
	for round := 0; b.Loop(); round++ {
		for _, mode := range modes {
			calls[mode].run(b, in, fn, round)
		}
	}
	for _, mode := range modes {
		calls[mode].report(b)
	}
}

// callsBeside are what hot calls took beside the captures of one mode: in the second
// after the first reply, and later, until the snapshot was there.
type callsBeside struct {
	w           *Worker
	mode        CaptureMode
	took, later []time.Duration
	there       []time.Duration // the snapshot, after the first reply
}

func (c *callsBeside) run(b *testing.B, in isolation.Interpreter, fn isolation.Function, round int) {
	fn.Name = fmt.Sprint(c.mode, round)
	fn.ARN, fn.Version = "arn:aws:lambda:us-east-1:000000000000:function:"+fn.Name, "$LATEST"
	req := Request{Runtime: in.Runtime, Function: fn, Invocation: isolation.Invocation{ID: "id", Payload: []byte("{}")}}
	call := func() time.Duration {
		begin := time.Now()
		res, err := c.w.Invoke(context.Background(), req)
		if err := failed(res.Result, err); err != nil {
			b.Fatal(err)
		}
		return time.Since(begin)
	}
	captures := c.w.Stats().Captures
	call()
	begin := time.Now()
	for n := 0; n < 50 || c.mode == CaptureAfter && c.w.Stats().Captures == captures; n++ {
		time.Sleep(20 * time.Millisecond) // 50 calls a second
		if d := call(); n < 50 {
			c.took = append(c.took, d)
		} else {
			c.later = append(c.later, d)
		}
	}
	if c.mode == CaptureAfter {
		c.there = append(c.there, time.Since(begin))
	}
	c.w.Forget(fn.ARN, "")
}

func (c *callsBeside) report(b *testing.B) {
	for name, d := range map[string][]time.Duration{"call": c.took, "later-call": c.later, "snapshot": c.there} {
		if len(d) == 0 {
			continue
		}
		slices.Sort(d)
		for _, percent := range []int{50, 90, 99} {
			ns := d[(len(d)-1)*percent/100].Nanoseconds()
			b.ReportMetric(float64(ns), fmt.Sprintf("%s-%s-p%d-ns", c.mode, name, percent))
		}
	}
}
