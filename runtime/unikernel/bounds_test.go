package unikernel

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/lambdabench/lambdabench/runtime/isolation"
)

// tree writes files below a new directory.
func tree(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestLimitsOfProcessesAreReadWhereTheyAre(t *testing.T) {
	proc := tree(t, map[string]string{"sys/kernel/pid_max": "32768\n", "sys/kernel/threads-max": "9000\n", "loadavg": "0.1 0.2 0.3 2/345 6789\n"})
	if n := tasks(proc); n != 345 {
		t.Errorf("%d tasks", n)
	}
	var got []string
	for _, l := range kernelLimits(proc) {
		b := l.bound(tasks(proc), 100)
		got = append(got, b.By)
		if want := int(l.max) - 345 - 100; b.Sandboxes != want || !strings.HasPrefix(b.Remedy, "sysctl -w ") {
			t.Errorf("%+v, want %d sandboxes", b, want)
		}
	}
	if !slices.Equal(got, []string{"kernel.pid_max is 32768", "kernel.threads-max is 9000"}) {
		t.Errorf("%q", got)
	}
	b := processLimit{max: 500, used: 100, name: "a/pids.max", remedy: "a/pids.max"}.bound(345, 1000) // 50 of 400 for zygotes
	if b.Sandboxes != 350 || !strings.Contains(b.By, "a/pids.max is 500") || !strings.Contains(b.Remedy, "a/pids.max") {
		t.Errorf("%+v", b)
	}
	if b := (processLimit{max: 10, used: 20}).bound(0, 5); b.Sandboxes != 0 {
		t.Errorf("a limit that is exceeded leaves room for %d", b.Sandboxes)
	}
	if none := kernelLimits("/nowhere"); len(none) != 0 {
		t.Errorf("limits from nowhere: %+v", none)
	}
}

// TestAsManyUCsRunAsTheBoundsSay lowers RLIMIT_NPROC and deploys up to it.
func TestAsManyUCsRunAsTheBoundsSay(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("RLIMIT_NPROC would bind this test as well: run as root")
	}
	var before unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NPROC, &before); err != nil {
		t.Fatal(err)
	}
	const lowered = 120
	if err := unix.Setrlimit(unix.RLIMIT_NPROC, &unix.Rlimit{Cur: lowered, Max: before.Max}); err != nil {
		t.Fatal(err)
	}
	defer unix.Setrlimit(unix.RLIMIT_NPROC, &before)
	b := newBackend(t, Config{Spares: 2})
	most, by := maxChildren, ""
	for _, bound := range b.Bounds() {
		if bound.Sandboxes < most {
			most, by = bound.Sandboxes, bound.By
		}
	}
	if !strings.HasPrefix(by, "RLIMIT_NPROC") || most < lowered/2 {
		t.Fatalf("%d UCs by %s where the limit is %d", most, by, lowered)
	}
	snap := baseSnapshot(t, b, isolation.Python, nil)
	var err error
	n := 0
	for ; n < 2*lowered && err == nil; n++ {
		var sb isolation.Sandbox
		if sb, err = b.Deploy(t.Context(), snap, isolation.DeploySpec{}); err == nil {
			err = sb.Import(t.Context(), function(t, isolation.Python, "def handler(e, c): return e\n"))
			defer sb.Close()
		}
	}
	if err == nil || n-1 < most {
		t.Errorf("%d UCs ran where the bounds say %d and RLIMIT_NPROC is %d: %v", n-1, most, lowered, err)
	}
}
