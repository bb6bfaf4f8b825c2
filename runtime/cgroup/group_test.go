package cgroup

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/lambdabench/lambdabench/runtime/isolation"
)

// made is a group for groups in the host's own trees, as far as this user may.
func made(t *testing.T, name string) *Group {
	t.Helper()
	g, err := New(name, Unified, Memory, PIDs, CPU, Freezer)
	if len(g.Dirs()) == 0 {
		t.Skipf("this user may make no cgroup: %v", err)
	}
	t.Cleanup(func() {
		if err := g.Remove(); err != nil {
			t.Error(err)
		}
	})
	return g
}

// group is one in which processes can be.
func group(t *testing.T) *Group {
	t.Helper()
	g := made(t, OwnedName("lambdabench-test-")).Child("one")
	if err := g.Make(); err != nil {
		t.Fatal(err)
	}
	return g
}

func sleeper(t *testing.T) *exec.Cmd {
	t.Helper()
	cmd := exec.Command("sleep", "60")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	return cmd
}

func enterAll(t *testing.T, g *Group, pid int) {
	t.Helper()
	for _, dir := range g.Dirs() {
		if err := Enter(dir, pid); err != nil {
			t.Fatal(err)
		}
	}
}

func TestGroupIsEnteredKilledAndRemoved(t *testing.T) {
	g := group(t)
	cmd := sleeper(t)
	enterAll(t, g, cmd.Process.Pid)
	if got := g.Processes(); !slices.Equal(got, []int{cmd.Process.Pid}) {
		t.Errorf("in the group are %v, want %d", got, cmd.Process.Pid)
	}
	if err := g.Kill(); err != nil {
		t.Error(err)
	}
	if err := cmd.Wait(); err == nil || err.Error() != "signal: killed" {
		t.Errorf("it ended with %v", err)
	}
	for range 2 {
		if err := g.Remove(); err != nil {
			t.Error(err)
		}
	}
	for _, dir := range g.Dirs() {
		if _, err := os.Stat(dir); err == nil {
			t.Errorf("%s is left", dir)
		}
	}
}

func TestProcessLeavesAGroupForWhereThisProcessIs(t *testing.T) {
	g := group(t)
	cmd := sleeper(t)
	for _, c := range []string{Unified, Memory, CPU} {
		if !g.Has(c) {
			continue
		}
		if err := g.Enter(cmd.Process.Pid, c); err != nil {
			t.Fatal(err)
		}
		if err := g.Leave(c, cmd.Process.Pid); err != nil {
			t.Fatal(err)
		}
	}
	if got := g.Processes(); len(got) != 0 {
		t.Errorf("in the group are %v", got)
	}
	own, err := os.ReadFile("/proc/self/cgroup")
	theirs, err2 := os.ReadFile(fmt.Sprintf("/proc/%d/cgroup", cmd.Process.Pid))
	if err != nil || err2 != nil || string(own) != string(theirs) {
		t.Errorf("it is in\n%swant\n%s", theirs, own)
	}
}

// A process in a part of the group below it is killed as well, and a frozen one.
func TestKillReachesGroupsBelowAndWhatIsFrozen(t *testing.T) {
	g := group(t)
	if !g.Has(Freezer) {
		t.Skip("this user may make no group with a freezer")
	}
	below := g.Child("below")
	if err := below.Make(); err != nil {
		t.Fatal(err)
	}
	cmd := sleeper(t)
	enterAll(t, below, cmd.Process.Pid)
	if err := g.Freeze(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := g.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err == nil || err.Error() != "signal: killed" {
		t.Errorf("it ended with %v", err)
	}
	if err := g.Remove(); err != nil {
		t.Error(err)
	}
	if err := g.Thaw(); err != nil {
		t.Errorf("a group that is gone: %v", err)
	}
}

func TestFrozenProcessStandsUntilItThaws(t *testing.T) {
	for _, trees := range [][]string{{Freezer}, {Unified}} {
		g, _ := New(OwnedName("lambdabench-test-"), trees...)
		if !g.Has(Freezer) {
			t.Logf("this user may make no group in the tree of %q", trees)
			continue
		}
		t.Cleanup(func() { g.Remove() })
		cmd := sleeper(t)
		enterAll(t, g, cmd.Process.Pid)
		if err := g.Freeze(t.Context()); err != nil {
			t.Fatal(err)
		}
		cmd.Process.Kill()
		for range 20 { // the signal is pending, and the process does not end of it in version 1
			if frozen, err := g.frozen(); err != nil || g.HasV1(Freezer) && !frozen {
				t.Fatalf("%v: frozen is %v, %v", trees, frozen, err)
			}
		}
		if err := g.Thaw(); err != nil {
			t.Fatal(err)
		}
		cmd.Wait()
	}
}

// The kernel charges a process's first pages to the group in which it is born.
func TestProcessStartsInsideItsGroup(t *testing.T) {
	g := group(t)
	cmd := exec.Command("cat", "/proc/self/cgroup")
	cmd.SysProcAttr = &syscall.SysProcAttr{}
	var out strings.Builder
	cmd.Stdout = &out
	runtime.LockOSThread()
	err := g.Start(cmd.SysProcAttr, cmd.Start)
	runtime.UnlockOSThread()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	for _, controller := range []string{Unified, Memory} {
		for _, tree := range treesIn(out.String(), string(mustRead(t, "/proc/self/mountinfo"))) {
			if tree.Controller == controller && g.Has(controller) && tree.Dir() != g.dir(controller) {
				t.Errorf("%q: it was born in %s, want %s", controller, tree.Dir(), g.dir(controller))
			}
		}
	}
}

func mustRead(t *testing.T, path string) []byte {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// The host's own controllers take what Limit writes, in any order, and show it.
func TestLimitsAreRaisedLoweredAndLifted(t *testing.T) {
	g := group(t)
	for _, l := range []isolation.Limits{
		{MemoryBytes: 64 << 20, Processes: 10, CPUs: 0.5}, {MemoryBytes: 128 << 20, Processes: 20, CPUs: 2},
		{MemoryBytes: 32 << 20, Processes: 5, CPUs: 0.00001}, {},
	} {
		if err := g.Limit(l); err != nil {
			t.Fatalf("%+v: %v", l, err)
		}
		if g.HasV1(Memory) && l.MemoryBytes > 0 {
			if n, err := number(g.file(Memory, "memory.limit_in_bytes")); n != l.MemoryBytes {
				t.Errorf("the memory limit is %d (%v), want %d", n, err, l.MemoryBytes)
			}
		}
		if g.Has(PIDs) {
			if got := words(g.dir(PIDs), "pids.max"); got[0] != orMax(int64(l.Processes)) {
				t.Errorf("the limit of processes is %v, want %d", got, l.Processes)
			}
		}
		if g.HasV1(CPU) {
			want := map[float64]int64{0.5: 50_000, 2: 200_000, 0.00001: 1000, 0: -1}[l.CPUs]
			if n, err := number(g.file(CPU, quotaFile)); n != want {
				t.Errorf("the quota is %d (%v), want %d", n, err, want)
			}
		}
	}
	if err := g.Child("none").Limit(isolation.Limits{Processes: 1}); len(g.passed)+len(g.v1) > 0 && err == nil {
		t.Error("a group that is not there has limits")
	}
}

func TestGroupThatMeetsItsMemoryLimitSaysSo(t *testing.T) {
	g := group(t)
	if !g.Has(Memory) {
		t.Skip("this user may make no group with a memory limit")
	}
	if err := g.Limit(isolation.Limits{MemoryBytes: 16 << 20}); err != nil {
		t.Fatal(err)
	}
	if killed, own := g.OutOfMemory(); killed || own {
		t.Errorf("before: killed is %v, own limit %v", killed, own)
	}
	cmd := exec.Command("sh", "-c", "read go; exec dd if=/dev/zero of=/dev/null bs=64M count=1")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if err := g.Enter(cmd.Process.Pid, Memory); err != nil {
		t.Fatal(err)
	}
	in.Write([]byte("go\n"))
	if err := cmd.Wait(); err == nil || err.Error() != "signal: killed" {
		t.Fatalf("it ended with %v", err)
	}
	if killed, own := g.OutOfMemory(); !killed || !own {
		t.Errorf("killed is %v, own limit %v", killed, own)
	}
	u, err := g.Usage()
	if err != nil || u.PeakBytes < 15<<20 || u.MemoryBytes > 16<<20 || u.Source != g.Source() {
		t.Errorf("usage is %+v, %v", u, err)
	}
}

// fake is a group of version 2 whose files are a temporary directory's: hosts
// with version 1 have no others.
func fake(t *testing.T, files map[string]string) *Group {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return &Group{v2: dir, passed: []string{Memory, PIDs, CPU}}
}

func TestLimitsInTheWordsOfVersion2(t *testing.T) {
	files := []string{"memory.max", "memory.swap.max", "memory.oom.group", "pids.max", "cpu.max"}
	for l, want := range map[isolation.Limits][]string{
		{}: {"max", "max", "1", "max", "max 100000"},
		{MemoryBytes: 1 << 20, Processes: 7, CPUs: 0.2}: {"1048576", "0", "1", "7", "20000 100000"},
		{CPUs: 3.5}:     {"max", "max", "1", "max", "350000 100000"},
		{CPUs: 0.00001}: {"max", "max", "1", "max", "1000 100000"}, // no limit at all would be the worst reading of it
	} {
		g := fake(t, map[string]string{})
		for _, file := range files {
			os.WriteFile(filepath.Join(g.v2, file), nil, 0o600)
		}
		if err := g.Limit(l); err != nil {
			t.Fatal(err)
		}
		for i, file := range files {
			if got := string(mustRead(t, filepath.Join(g.v2, file))); got != want[i] {
				t.Errorf("%+v: %s is %q, want %q", l, file, got, want[i])
			}
		}
	}
	if err := fake(t, nil).Limit(isolation.Limits{}); err == nil || !strings.Contains(err.Error(), "memory.max") {
		t.Errorf("no such group: %v", err)
	}
}

func TestUsageInTheWordsOfVersion2(t *testing.T) {
	files := map[string]string{
		"memory.current": "1000\n", "memory.stat": "anon 5\ninactive_file 300\n",
		"cpu.stat": "usage_usec 7\nuser_usec 4\n", "memory.events": "oom 0\noom_kill 2\n",
	}
	want := isolation.Usage{MemoryBytes: 700, CPU: 7000, Source: "cgroup-v2"}
	g := fake(t, files)
	if u, err := g.Usage(); err != nil || u != want {
		t.Errorf("without a peak: %+v, %v", u, err)
	}
	if killed, own := g.OutOfMemory(); !killed || own {
		t.Errorf("for want of memory above: killed is %v, own limit %v", killed, own)
	}
	files["memory.peak"], files["memory.events"], want.PeakBytes = "2000\n", "oom 1\noom_kill 1\n", 2000
	g = fake(t, files)
	if u, err := g.Usage(); err != nil || u != want {
		t.Errorf("%+v, %v", u, err)
	}
	if killed, own := g.OutOfMemory(); !killed || !own {
		t.Errorf("for want of its own: killed is %v, own limit %v", killed, own)
	}
}

func TestParentIsTheNearestGroupThatHandsMemoryOn(t *testing.T) {
	mount := t.TempDir()
	tree := Tree{Unified, mount, "/a/b"}
	for dir, passed := range map[string]string{"": "cpu memory pids\n", "a": "cpu memory\n", "a/b": ""} {
		dir = filepath.Join(mount, dir)
		err := os.MkdirAll(dir, 0o755)
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, "cgroup.subtree_control"), []byte(passed), 0o644)
		}
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, "cgroup.procs"), nil, 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	g, err := tree.nearest([]Tree{tree})
	if err != nil || g.Path() != "/a" || g.v2 != filepath.Join(mount, "a") || !g.Has(CPU) || g.Has(PIDs) {
		t.Errorf("%+v, %v", g, err)
	}
	one := g.Child("one")
	if err := one.Make(Memory, CPU, Freezer); err != nil || one.Path() != "/a/one" {
		t.Errorf("%s, %v", one.Path(), err)
	}
	if _, err := os.Stat(filepath.Join(mount, "a/one")); err != nil {
		t.Error(err)
	}
}

func TestModeIsOfTheTreesThatAreMounted(t *testing.T) {
	for want, trees := range map[string][]Tree{
		"": {{"name=systemd", "/s", "/"}}, "v1": {{Memory, "/m", "/"}},
		"v2":     {{"name=systemd", "/s", "/"}, {Unified, "/u", "/"}},
		"hybrid": {{PIDs, "/p", "/"}, {Unified, "/u", "/"}},
	} {
		if got := modeOf(trees); got != want {
			t.Errorf("%v: %q, want %q", trees, got, want)
		}
	}
}
