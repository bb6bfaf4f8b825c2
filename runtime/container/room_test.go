package container

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lambdabench/lambdabench/runtime/isolation"
)

func TestContainerLimitComesFromTheMemoryAtHandUnlessConfigured(t *testing.T) {
	if got := New(Config{}).cfg.Max; got < 1 {
		t.Errorf("the default limit is %d", got)
	}
	if got := New(Config{Max: 7}).cfg.Max; got != 7 {
		t.Errorf("a configured limit of 7 became %d", got)
	}
}

// The host's fault is mended while the platform runs on.
func TestPrepareThatFailedIsTriedAgain(t *testing.T) {
	parent, err := os.MkdirTemp("", "lambdabench-state-") // t.TempDir is this user's alone
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(parent) })
	dir := filepath.Join(parent, "later")
	// A file where a directory is to be.
	if err := errors.Join(os.Chmod(parent, 0o755), os.WriteFile(dir, nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	b := New(Config{OCI: "crun", Network: NetworkNone, StateDir: dir})
	defer b.Close()
	if err := b.Probe(t.Context()); err != nil {
		t.Skip(err)
	}
	for range 2 {
		if err := b.prepare(t.Context()); err == nil || b.shared != nil {
			t.Fatalf("with a file as state directory it has %+v, %v", b.shared, err)
		}
	}
	if err := os.Remove(dir); err != nil {
		t.Fatal(err)
	}
	if err := b.prepare(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestAClosedBackendMakesNoBridge(t *testing.T) {
	b := New(Config{Network: NetworkBridge})
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := b.HostAddress(t.Context()); !errors.Is(err, errClosed) {
		t.Errorf("error %v", err)
	}
}

func TestBoundsAreTheConfiguredAndTheBridges(t *testing.T) {
	for network, want := range map[Network][]int{NetworkNone: {7}, NetworkBridge: {7, MaxOnBridge}} {
		var got []int
		for _, b := range New(Config{Max: 7, Network: network}).Bounds() {
			got = append(got, b.Sandboxes)
		}
		if len(got) != len(want) || got[0] != want[0] || got[len(got)-1] != want[len(want)-1] {
			t.Errorf("network %s: bounds %v, want %v", network, got, want)
		}
	}
}

// What the host counts are the sentry's tasks: the limit would keep it from starting.
func TestGVisorSaysThatItBoundsNoNumberOfProcesses(t *testing.T) {
	var lacks *isolation.Unavailable
	err := New(Config{OCI: "runsc"}).CanLimit(isolation.Limits{Processes: 24})
	if !errors.As(err, &lacks) || !strings.Contains(err.Error(), "sentry") {
		t.Errorf("error %v", err)
	}
	all := isolation.Limits{MemoryBytes: 1 << 30, CPUs: 1, Processes: 24}
	if got := newOCI("runsc").enforced(all); got.Processes != 0 || got.MemoryBytes != all.MemoryBytes || got.CPUs != 1 {
		t.Errorf("the group of a container is given %+v", got)
	}
	if got := newOCI("runc").enforced(all); got != all {
		t.Errorf("the group of another OCI runtime's is given %+v", got)
	}
}
