package unikernel

import (
	"strings"
	"testing"

	"github.com/lambdabench/lambdabench/runtime"
	"github.com/lambdabench/lambdabench/runtime/runtimetest"
)

// A guest that writes where its kernel gave it nothing.
func TestHostileGuestGetsNoMoreMemoryThanItMay(t *testing.T) {
	const source = `
import ctypes
def handler(event, context):
    at = 0x2800000000
    while True:
        ctypes.memset(at, 1, 1 << 20)
        at += 1 << 20
        if at >= 0x2800000000 + (4 << 30):
            return "has 4 GB"
`
	b := newBackend(t, Config{})
	base := baseSnapshot(t, b, runtime.Python, nil)
	sb, err := b.Deploy(t.Context(), base, runtime.DeploySpec{Limits: runtime.Limits{MemoryBytes: 128 << 20}})
	if err != nil {
		t.Fatal(err)
	}
	defer sb.Close()
	fn := function(t, runtime.Python, source)
	fn.Limits.MemoryBytes = 128 << 20
	if err := sb.Import(t.Context(), fn); err != nil {
		t.Fatal(err)
	}
	res := runtimetest.Invoke(t, sb, "{}")
	if res.Outcome != runtime.OutOfMemory {
		t.Fatalf("%s %s: %v", res.Outcome, res.Payload, res.Error)
	}
	t.Log(res.Error)
	for _, word := range []string{"Runtime exited", "320 MB", "128 MB"} {
		if !strings.Contains(res.Error.Error(), word) {
			t.Errorf("%q is not in %v", word, res.Error)
		}
	}
	other := deployed(t, b, base)
	defer other.Close()
	if err := other.Import(t.Context(), function(t, runtime.Python, nopSource[runtime.Python])); err != nil {
		t.Fatal(err)
	}
	runtimetest.Invoke(t, other, "{}")
}

// A snapshot may be closed, and its node with it, while its UCs are looked at.
func TestWatchOfANodeThatIsGone(t *testing.T) {
	b := newBackend(t, Config{})
	base := baseSnapshot(t, b, runtime.Python, nil)
	n := base.(*snap).nodes.load()[0]
	if err := base.Close(); err != nil {
		t.Fatal(err)
	}
	if over := n.larger([]watched{{id: 1, limit: 1 << 20}}); len(over) > 0 {
		t.Errorf("%d UCs of a node that is gone are too large", len(over))
	}
}
