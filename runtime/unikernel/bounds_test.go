package unikernel

import (
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/lambdabench/lambdabench/runtime/isolation"
	"github.com/lambdabench/lambdabench/runtime/unikernel/zygote"
)

func TestBoundLeavesRoomForZygotesAndSpares(t *testing.T) {
	l := zygote.ProcessLimit{Max: 500, Used: 100, Name: "a/pids.max", Remedy: "raise a/pids.max"}
	b := bound(l, 345, 1000) // 50 of 400
	if b.Sandboxes != 350 || b.By != "a/pids.max is 500" || b.Remedy != l.Remedy {
		t.Errorf("%+v", b)
	}
	if b := bound(zygote.ProcessLimit{Max: 10, Used: 20}, 0, 5); b.Sandboxes != 0 {
		t.Errorf("a limit that is exceeded leaves room for %d", b.Sandboxes)
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
	most, by := zygote.MaxChildren, ""
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
