package unikernel

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lambdabench/lambdabench/runtime/cgroup"
	"github.com/lambdabench/lambdabench/runtime/isolation"
	"github.com/lambdabench/lambdabench/runtime/runtimetest"
)

// limiting is a backend on a host that bounds CPU time.
func limiting(t testing.TB, cfg Config) *Backend {
	t.Helper()
	b := newBackend(t, cfg)
	if err := b.CanLimit(isolation.Limits{CPUs: 0.5}); err != nil {
		t.Skip(err)
	}
	return b
}

func deployedUnder(t testing.TB, b *Backend, snap isolation.Snapshot, cpus float64) *sandbox {
	t.Helper()
	sb, err := b.Deploy(context.Background(), snap, isolation.DeploySpec{Limits: isolation.Limits{CPUs: cpus}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { sb.Close() })
	return sb.(*sandbox)
}

// groupsOf are the backend's groups, and what processes each holds.
func groupsOf(t testing.TB, b *Backend) map[string]string {
	t.Helper()
	held := map[string]string{}
	if b.cpu.parent == nil {
		return held
	}
	lists, err := filepath.Glob(filepath.Join(b.cpu.parent.Dirs()[0], "*", "cgroup.procs"))
	if err != nil {
		t.Fatal(err)
	}
	for _, list := range lists {
		text, err := os.ReadFile(list)
		if err != nil {
			t.Fatal(err)
		}
		held[filepath.Dir(list)] = strings.TrimSpace(string(text))
	}
	return held
}

func quota(t testing.TB, dir string) string {
	t.Helper()
	for _, file := range []string{"cpu.cfs_quota_us", "cpu.max"} {
		if text, err := os.ReadFile(filepath.Join(dir, file)); err == nil {
			return strings.Fields(string(text))[0]
		}
	}
	t.Fatalf("%s limits nothing", dir)
	return ""
}

func TestEachLimitedUCHasAGroupOfItsOwn(t *testing.T) {
	b := limiting(t, Config{Spares: 1})
	base := baseSnapshot(t, b, isolation.NodeJS, nil)
	free := deployed(t, b, base)
	defer free.Close()
	if got := groupsOf(t, b); len(got) != 0 {
		t.Errorf("a UC without a limit has groups %v", got)
	}
	fn := function(t, isolation.NodeJS, nopSource[isolation.NodeJS])
	fn.Limits.CPUs = 0.5
	one := deployedUnder(t, b, base, 0.25)
	if got := quota(t, one.live.cpu.group.Dirs()[0]); got != "25000" {
		t.Errorf("its quota is %s", got)
	}
	if err := one.Import(t.Context(), fn); err != nil {
		t.Fatal(err)
	}
	if got := quota(t, one.live.cpu.group.Dirs()[0]); got != "50000" {
		t.Errorf("the quota of its function is %s", got)
	}
	snap, err := b.Capture(t.Context(), one)
	if err != nil {
		t.Fatal(err)
	}
	defer snap.Close()
	two := deployedUnder(t, b, snap, 0.75)
	unlimited := deployed(t, b, snap)
	defer unlimited.Close()
	want := map[string]string{}
	for _, sb := range []*sandbox{one, two} {
		pid, err := sb.live.uc.HostPID(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		want[sb.live.cpu.group.Dirs()[0]] = fmt.Sprint(pid)
	}
	if got := groupsOf(t, b); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("groups hold %v, want %v", got, want)
	}
	for _, sb := range []isolation.Sandbox{free, one, two, unlimited} {
		if err := sb.Close(); err != nil {
			t.Error(err)
		}
	}
	if got := groupsOf(t, b); len(got) != 0 {
		t.Errorf("left are %v", got)
	}
}

func TestUCLeavesItsGroupBeforeItIsReset(t *testing.T) {
	for _, after := range []float64{0.3, 0} { // of the function: a UC that lost its limit is still in its group
		b := limiting(t, Config{Spares: 1})
		base := baseSnapshot(t, b, isolation.NodeJS, nil).(*snap)
		sb := deployedUnder(t, b, base, 0.5)
		fn := function(t, isolation.NodeJS, nopSource[isolation.NodeJS])
		fn.Limits.CPUs = after
		if err := sb.Import(t.Context(), fn); err != nil {
			t.Fatal(err)
		}
		runtimetest.Invoke(t, sb, "1")
		if got := groupsOf(t, b); len(got) != 1 {
			t.Fatalf("groups are %v", got)
		}
		z := base.holders()[0]
		emptyPool(z)
		p, pid := sb.live, sb.live.cpu.pid
		if err := sb.Close(); err != nil {
			t.Fatal(err)
		}
		if z.Spares() != 1 {
			t.Fatal("it was not reset")
		}
		if got := groupsOf(t, b); len(got) != 0 {
			t.Errorf("left are %v", got)
		}
		if err := p.limitCPU(t.Context(), 0.5); !errors.Is(err, isolation.ErrClosed) {
			t.Errorf("a limit after its end: %v", err)
		}
		again := deployedUnder(t, b, base, 0)
		if now, err := again.live.uc.HostPID(t.Context()); err != nil || now != pid {
			t.Errorf("the next UC is process %d (%v), want %d", now, err, pid)
		}
		own, err := os.ReadFile(fmt.Sprintf("/proc/%d/cgroup", pid))
		platform, err2 := os.ReadFile(fmt.Sprintf("/proc/%d/cgroup", b.tender().PID()))
		if err != nil || err2 != nil || string(own) != string(platform) {
			t.Errorf("the reset process is in\n%swant\n%s", own, platform)
		}
	}
}

// What is throttled has no time to end in.
func TestUCThatIsThrottledEnds(t *testing.T) {
	b := limiting(t, Config{})
	sb := deployed(t, b, baseSnapshot(t, b, isolation.NodeJS, nil)).(*sandbox)
	if err := sb.Import(t.Context(), function(t, isolation.NodeJS,
		"exports.handler = () => { for (;;); };\n")); err != nil {
		t.Fatal(err)
	}
	if err := sb.live.limitCPU(t.Context(), 0.01); err != nil {
		t.Fatal(err)
	}
	deadline := time.Now().Add(300 * time.Millisecond)
	res, err := sb.Invoke(t.Context(), isolation.Invocation{ID: "r", Payload: []byte("{}"), Deadline: deadline})
	if err != nil || res.Outcome != isolation.TimedOut {
		t.Errorf("%+v %v", res, err)
	}
	if err := sb.Close(); err != nil {
		t.Error(err)
	}
	t.Logf("it was gone %v after its deadline", time.Since(deadline))
	if got := groupsOf(t, b); len(got) != 0 {
		t.Errorf("left are %v", got)
	}
}

func TestBackendThatIsClosedLimitsNothing(t *testing.T) {
	b := New(Config{})
	err := b.CanLimit(isolation.Limits{CPUs: 1})
	dir := ""
	if err == nil {
		dir = b.cpu.parent.Dirs()[0]
	}
	if dir != "" && !cgroupThere(dir) {
		t.Errorf("no directory %s", dir)
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	if dir != "" && cgroupThere(dir) {
		t.Errorf("%s is left", dir)
	}
	if err := b.CanLimit(isolation.Limits{CPUs: 1}); !errors.Is(err, isolation.ErrClosed) {
		t.Errorf("CanLimit says %v", err)
	}
	if err := b.CanLimit(isolation.Limits{MemoryBytes: 1, Processes: 1}); err != nil {
		t.Errorf("limits that take no group: %v", err)
	}
}

func cgroupThere(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, "cgroup.procs"))
	return err == nil
}

// groupsOfPlatform are the directories of groups that a process has made.
func groupsOfPlatform(pid int) (dirs []string) {
	for _, controller := range []string{cgroup.CPU, cgroup.Unified} {
		for _, at := range cgroup.Above(controller) {
			found, _ := filepath.Glob(filepath.Join(at, fmt.Sprintf("%s%d-*", cpuPrefix, pid)))
			dirs = append(dirs, found...)
		}
	}
	return dirs
}

func TestGroupsOfAKilledPlatformAreSwept(t *testing.T) {
	b := limiting(t, Config{})
	cmd := startPlatform(t, isolation.NodeJS)
	dirs := groupsOfPlatform(cmd.Process.Pid)
	if len(dirs) != 1 || cgroup.Orphaned(cpuPrefix, filepath.Base(dirs[0])) {
		t.Fatalf("the platform's groups are in %v", dirs)
	}
	groups, _ := filepath.Glob(filepath.Join(dirs[0], "*", "cgroup.procs"))
	if len(groups) != 1 {
		t.Fatalf("its groups are %v", groups)
	}
	if err := cgroup.Sweep(cpuPrefix); err != nil || !cgroupThere(dirs[0]) {
		t.Fatalf("groups of a platform that lives were swept (%v)", err)
	}
	cmd.Process.Kill()
	cmd.Wait()
	if err := b.prepare(t.Context()); err != nil { // the next one's first use
		t.Fatal(err)
	}
	if cgroupThere(dirs[0]) {
		t.Errorf("%s is left", dirs[0])
	}
}

// BenchmarkDeployUnderCPULimit is what a limit adds to a deploy and its end.
func BenchmarkDeployUnderCPULimit(b *testing.B) {
	be := limiting(b, Config{})
	base := baseSnapshot(b, be, isolation.NodeJS, be.Anticipate())
	for _, cpus := range []float64{0, 0.5} {
		b.Run(fmt.Sprint(cpus), func(b *testing.B) {
			for b.Loop() {
				sb, err := be.Deploy(b.Context(), base, isolation.DeploySpec{Limits: isolation.Limits{CPUs: cpus}})
				if err != nil {
					b.Fatal(err)
				}
				if err := sb.Close(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
