package conformance

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/lambdabench/lambdabench/runtime/isolation"
)

// needLimit skips where the host cannot enforce a limit.
func (s *suite) needLimit(t *testing.T, l isolation.Limits) {
	t.Helper()
	if limiter, ok := s.backend.(isolation.Limiter); ok {
		if err := limiter.CanLimit(l); err != nil {
			t.Skip(err)
		}
	}
}

func (s *suite) limits(t *testing.T) {
	t.Run("memory", s.memoryLimit)
	t.Run("processes", s.processLimit)
	t.Run("cpu", s.cpuLimit)
}

// memoryLimit also checks that the function's limits replace those of Boot.
func (s *suite) memoryLimit(t *testing.T) {
	fn := s.function("index.handler")
	fn.Limits = isolation.Limits{MemoryBytes: 192 << 20}
	s.needLimit(t, fn.Limits)
	sb := s.boot(t, isolation.Limits{MemoryBytes: 1 << 30})
	s.importInto(t, sb, fn)
	wantResult(t, invoke(t, sb, `{"do":"echo","value":1}`), "1")
	res := invoke(t, sb, do("hog"))
	if res.Outcome != isolation.OutOfMemory || res.Error.Type != isolation.TypeOutOfMemory ||
		!strings.Contains(res.Error.Message, "memory") {
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
		t.Errorf("%d processes started and %d refused under a limit of %d",
			got.Started, got.Refused, fn.Limits.Processes)
	}
}

const (
	cpuShare = 0.2  // what a function may have of a processor
	atMost   = 0.35 // what it may be seen to get: periods are 100 ms, and it spins for sixteen
	quiet    = 0.7  // what this test gets itself on a host that has time for others
	spinning = `{"do":"spin","ms":1600}`
)

// cpuLimit also checks that the function's limits replace those of Boot, and
// that what is deployed from a limited sandbox has the limits of its deploy.
func (s *suite) cpuLimit(t *testing.T) {
	limited, free := s.function("index.handler"), s.function("index.handler")
	limited.Limits.CPUs = cpuShare
	s.needLimit(t, limited.Limits)
	sb := s.boot(t, isolation.Limits{})
	s.importInto(t, sb, limited)
	wantLimited(t, sb)
	if snapper, ok := s.backend.(isolation.Snapshotter); ok {
		snap := capture(t, snapper, sb)
		wantFree(t, deploy(t, snapper, snap))
		wantLimited(t, deployWithin(t, snapper, snap, limited.Limits))
	}
	sb = s.boot(t, limited.Limits)
	s.importInto(t, sb, free)
	wantFree(t, sb)
}

func wantLimited(t *testing.T, sb isolation.Sandbox) {
	t.Helper()
	if got := processorShare(t, sb); got > atMost {
		t.Errorf("a function that may have %.2f of a processor got %.2f", cpuShare, got)
	}
}

// wantFree wants more than a limited function could get, unless others leave
// too little.
func wantFree(t *testing.T, sb isolation.Sandbox) {
	t.Helper()
	best, own := 0.0, 1.0
	for range 5 {
		if best = max(best, processorShare(t, sb)); best > atMost {
			return
		}
		own = min(own, ownShare())
	}
	if own < quiet {
		t.Skipf("the host is too busy to tell: even this test got only %.2f of a processor", own)
	}
	t.Errorf("a function without a limit got %.2f of a processor at best", best)
}

// ownShare is what a thread of this process gets of a processor.
func ownShare() float64 {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	used := func() time.Duration {
		var u unix.Rusage
		if unix.Getrusage(unix.RUSAGE_THREAD, &u) != nil {
			return 0
		}
		return time.Duration(u.Utime.Nano() + u.Stime.Nano())
	}
	before, begin := used(), time.Now()
	for time.Since(begin) < time.Second {
	}
	return float64(used()-before) / float64(time.Since(begin))
}

// processorShare has the sandbox spin, and measures from the host what it got.
func processorShare(t *testing.T, sb isolation.Sandbox) float64 {
	t.Helper()
	before := processorTime(t, sb)
	begin := time.Now()
	wantResult(t, invoke(t, sb, spinning), "null")
	wall := time.Since(begin)
	share := float64(processorTime(t, sb)-before) / float64(wall)
	t.Logf("%.2f of a processor in %v", share, wall)
	return share
}

func processorTime(t *testing.T, sb isolation.Sandbox) time.Duration {
	t.Helper()
	u, err := sb.Usage()
	if err != nil {
		t.Fatal(err)
	}
	return u.CPU
}
