package conformance

import (
	"fmt"
	"strings"
	"testing"

	"github.com/lambdabench/lambdabench/runtime"
)

// needLimit skips where the host cannot enforce a limit.
func (s *suite) needLimit(t *testing.T, l runtime.Limits) {
	t.Helper()
	if limiter, ok := s.backend.(runtime.Limiter); ok {
		if err := limiter.CanLimit(l); err != nil {
			t.Skip(err)
		}
	}
}

func (s *suite) limits(t *testing.T) {
	t.Run("memory", s.memoryLimit)
	t.Run("processes", s.processLimit)
}

// memoryLimit also checks that the function's limits replace those of Boot.
func (s *suite) memoryLimit(t *testing.T) {
	fn := s.function("index.handler")
	fn.Limits = runtime.Limits{MemoryBytes: 192 << 20}
	s.needLimit(t, fn.Limits)
	sb := s.boot(t, runtime.Limits{MemoryBytes: 1 << 30})
	s.importInto(t, sb, fn)
	wantResult(t, invoke(t, sb, `{"do":"echo","value":1}`), "1")
	res := invoke(t, sb, do("hog"))
	if res.Outcome != runtime.OutOfMemory || res.Error.Type != runtime.TypeOutOfMemory || !strings.Contains(res.Error.Message, "memory") {
		t.Fatalf("outcome %s, error %v", res.Outcome, res.Error)
	}
	wantGone(t, sb)
}

func (s *suite) processLimit(t *testing.T) {
	type outcome struct{ Started, Refused int }
	tries := 100
	fn := s.function("index.handler")
	fn.Limits.Processes = 24
	if s.node() {
		tries = 12 // each is a Node.js with several threads
	}
	s.needLimit(t, fn.Limits)
	sb := s.load(t, fn)
	res := invoke(t, sb, fmt.Sprintf(`{"do":"forkBomb","tries":%d}`, tries))
	if !res.Outcome.Alive() {
		t.Logf("the fork bomb ended its own sandbox: %v", res.Error)
		return
	}
	got := mustSucceed[outcome](t, res)
	if got.Started > fn.Limits.Processes || got.Refused == 0 {
		t.Errorf("%d processes started and %d refused under a limit of %d", got.Started, got.Refused, fn.Limits.Processes)
	}
}
