package worker

import (
	"fmt"
	"strings"
	"testing"

	"github.com/lambdabench/lambdabench/runtime/isolation"
	"github.com/lambdabench/lambdabench/runtime/runtimetest"
)

func TestMostMissedFunctionIsCapturedFirst(t *testing.T) {
	var q captureQueue
	jobs := map[string]*wanted{}
	for name := range strings.FieldsSeq("once twice thrice again") {
		jobs[name] = q.add(&function{identity: identity{arn: name}}, nil, isolation.Function{})
	}
	for name := range strings.FieldsSeq("thrice twice thrice again") {
		q.missed(jobs[name])
	}
	var order []string
	for job := q.next(); job != nil; job = q.next() {
		order = append(order, job.fn.arn)
	}
	if got := strings.Join(order, " "); got != "thrice again twice once" {
		t.Errorf("the order is %s", got)
	}
}

// TestCapturesCatchUp calls more functions than are captured meanwhile: the
// first capture takes until all of them were called.
func TestCapturesCatchUp(t *testing.T) {
	const functions = 1500
	f := newFake(t)
	w := start(t, Config{Idle: Cache{Off: true}, Functions: Cache{Bytes: 1 << 40}}, fakeSnapshotter{f})
	ready(t, w)
	for i := range functions {
		invoke(t, w, fmt.Sprint("f", i))
	}
	runtimetest.Eventually(t, "captures", func() bool { return w.Stats().FunctionSnapshots == functions })
	if s := w.Stats(); s.CapturesSkipped != 0 {
		t.Errorf("%d skipped", s.CapturesSkipped)
	}
}
