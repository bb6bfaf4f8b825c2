package conformance

import (
	"context"
	"strconv"
	"testing"
	"time"

	"github.com/lambdabench/lambdabench/runtime/isolation"
	"github.com/lambdabench/lambdabench/runtime/runtimetest"
)

// clones is how many sandboxes of one snapshot are compared.
const clones = 40

// snapshots are the cases of a isolation.Snapshotter.
func (s *suite) snapshots(t *testing.T) {
	snapper := s.snapshotter(t)
	fn := s.function("index.handler")
	parent := s.boot(t, isolation.Limits{})
	base := capture(t, snapper, parent)
	loaded := deploy(t, snapper, base)
	s.importInto(t, loaded, fn)
	function := capture(t, snapper, loaded)

	t.Run("stack", func(t *testing.T) {
		if base.Parent() != nil || function.Parent() != base {
			t.Errorf("parents %v, %v", base.Parent(), function.Parent())
		}
		if base.Size() <= 0 || function.Size() <= 0 || function.Size() >= base.Size() {
			t.Errorf("the function's snapshot has %d bytes, the runtime's %d", function.Size(), base.Size())
		}
	})
	t.Run("captured sandboxes go on", func(t *testing.T) {
		s.importInto(t, parent, fn)
		wantResult(t, invoke(t, parent, `{"do":"echo","value":1}`), "1")
		wantResult(t, invoke(t, loaded, `{"do":"echo","value":2}`), "2")
	})
	t.Run("clones differ", func(t *testing.T) { clonesDiffer(t, snapper, function) })
	t.Run("clones do not share state", func(t *testing.T) {
		a, b := deploy(t, snapper, function), deploy(t, snapper, function)
		invoke(t, a, `{"do":"remember","value":"mine"}`)
		wantResult(t, invoke(t, b, do("recall")), "null")
		wantResult(t, invoke(t, a, do("recall")), `"mine"`)
	})
	t.Run("clones know the time", func(t *testing.T) {
		now := mustSucceed[float64](t, invoke(t, deploy(t, snapper, function), do("clock")))
		if off := time.Since(time.UnixMilli(int64(now))); off < -time.Second || off > patience {
			t.Errorf("the clone's clock is off by %v", off)
		}
	})
	if s.node() {
		t.Run("clones know their age", func(t *testing.T) { s.clonesAge(t, snapper) })
	}
	t.Run("limits of the deploy", func(t *testing.T) { s.deployLimits(t, snapper, function) })
	t.Run("capture after an invocation", func(t *testing.T) {
		sb := deploy(t, snapper, function)
		invoke(t, sb, `{"do":"remember","value":"in the snapshot"}`)
		third := capture(t, snapper, sb)
		if third.Parent() != function {
			t.Error("the third snapshot does not stand on the second")
		}
		wantResult(t, invoke(t, deploy(t, snapper, third), do("recall")), `"in the snapshot"`)
	})
	t.Run("parents closed first", func(t *testing.T) {
		for _, c := range []interface{ Close() error }{parent, loaded, base} {
			if err := c.Close(); err != nil {
				t.Fatal(err)
			}
		}
		wantResult(t, invoke(t, deploy(t, snapper, function), `{"do":"echo","value":3}`), "3")
	})
	t.Run("a busy sandbox is not captured", func(t *testing.T) {
		sb := deploy(t, snapper, function)
		done := start(context.Background(), t, sb, "hang")
		if snap, err := snapper.Capture(t.Context(), sb); err == nil {
			snap.Close()
			t.Error("captured in the middle of an invocation")
		}
		sb.Close()
		await(t, done)
	})
}

// snapshotter skips where the backend takes no snapshots.
func (s *suite) snapshotter(t testing.TB) isolation.Snapshotter {
	t.Helper()
	snapper, ok := s.backend.(isolation.Snapshotter)
	if !ok {
		t.Skipf("%s takes no snapshots (no isolation.Snapshotter)", s.backend.Name())
	}
	return snapper
}

func capture(t testing.TB, s isolation.Snapshotter, sb isolation.Sandbox) isolation.Snapshot {
	t.Helper()
	snap, err := s.Capture(context.Background(), sb)
	if err != nil {
		t.Fatalf("capture: %v", err)
	}
	closeLater(t, snap)
	return snap
}

func deploy(t testing.TB, s isolation.Snapshotter, snap isolation.Snapshot) isolation.Sandbox {
	t.Helper()
	return deployWithin(t, s, snap, isolation.Limits{})
}

func deployWithin(
	t testing.TB, s isolation.Snapshotter, snap isolation.Snapshot, limits isolation.Limits,
) isolation.Sandbox {
	t.Helper()
	sb, err := s.Deploy(context.Background(), snap, isolation.DeploySpec{Limits: limits})
	if err != nil {
		t.Fatalf("deploy: %v", err)
	}
	closeLater(t, sb)
	return sb
}

// clonesDiffer compares every random value and process id of live clones.
func clonesDiffer(t *testing.T, snapper isolation.Snapshotter, snap isolation.Snapshot) {
	seen := map[string]int{}
	for i := range clones {
		sb := deploy(t, snapper, snap)
		for kind, value := range mustSucceed[[]string](t, invoke(t, sb, do("random"))) {
			key := strconv.Itoa(kind) + ":" + value
			if before, twice := seen[key]; twice {
				t.Errorf("clones %d and %d both have %s", before, i, key)
			}
			seen[key] = i
		}
	}
}

// clonesAge: the clocks that begin with a process begin with the clone.
func (s *suite) clonesAge(t *testing.T, snapper isolation.Snapshotter) {
	sb := s.bootAs(t, isolation.BootSpec{Prepare: []string{isolation.StepInterpreter}})
	s.importInto(t, sb, s.function("index.handler"))
	snap := capture(t, snapper, sb)
	captured := time.Now()
	before := mustSucceed[[]float64](t, invoke(t, sb, do("age")))
	runtimetest.Eventually(t, "the snapshot is older than a deploy takes", func() bool {
		return time.Since(captured) > 2*time.Second
	})
	begin := time.Now()
	got := mustSucceed[[]float64](t, invoke(t, deploy(t, snapper, snap), do("age")))
	most := float64(time.Since(begin).Milliseconds()) + 10
	if got[0] > most || got[1] > most || got[2] < -10 || got[2] > 10 {
		t.Errorf("a clone's uptime, age and its clocks' difference are %v ms, at most %v can be; "+
			"what it was cloned of had %v", got, most, before)
	}
}

func (s *suite) deployLimits(t *testing.T, snapper isolation.Snapshotter, snap isolation.Snapshot) {
	limits := isolation.Limits{MemoryBytes: 192 << 20}
	s.needLimit(t, limits)
	if res := invoke(t, deployWithin(t, snapper, snap, limits), do("hog")); res.Outcome != isolation.OutOfMemory {
		t.Errorf("outcome %s, error %v", res.Outcome, res.Error)
	}
}
