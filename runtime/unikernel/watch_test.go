package unikernel

import (
	"fmt"
	"strings"
	"testing"

	"github.com/lambdabench/lambdabench/runtime/isolation"
	"github.com/lambdabench/lambdabench/runtime/runtimetest"
	"github.com/lambdabench/lambdabench/runtime/unikernel/zygote"
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
	base := baseSnapshot(t, b, isolation.Python, nil)
	sb, err := b.Deploy(t.Context(), base, isolation.DeploySpec{Limits: isolation.Limits{MemoryBytes: 128 << 20}})
	if err != nil {
		t.Fatal(err)
	}
	defer sb.Close()
	fn := function(t, isolation.Python, source)
	fn.Limits.MemoryBytes = 128 << 20
	if err := sb.Import(t.Context(), fn); err != nil {
		t.Fatal(err)
	}
	res := runtimetest.Invoke(t, sb, "{}")
	if res.Outcome != isolation.OutOfMemory {
		t.Fatalf("%s %s: %v", res.Outcome, res.Payload, res.Error)
	}
	t.Log(res.Error)
	for _, word := range []string{"Runtime exited", "176 MB", "128 MB"} {
		if !strings.Contains(res.Error.Error(), word) {
			t.Errorf("%q is not in %v", word, res.Error)
		}
	}
	other := deployed(t, b, base)
	defer other.Close()
	if err := other.Import(t.Context(), function(t, isolation.Python, nopSource[isolation.Python])); err != nil {
		t.Fatal(err)
	}
	runtimetest.Invoke(t, other, "{}")
}

// What a guest takes beyond its limit without asking ends it near the limit,
// whether that is small or large.
func TestBoundOfWhatIsResidentIsNearTheLimit(t *testing.T) {
	const source = `
import ctypes, time
def handler(megabytes, context):
    for i in range(megabytes):
        ctypes.memset(0x2800000000 + (i << 20), 1, 1 << 20)
    time.sleep(2)
    return "has it"
`
	b := newBackend(t, Config{})
	base := baseSnapshot(t, b, isolation.Python, nil)
	for _, c := range []struct {
		limit, takes int64 // MB
		want         isolation.Outcome
	}{
		{128, 128, isolation.OK}, {128, 190, isolation.OutOfMemory},
		{512, 560, isolation.OK}, {512, 630, isolation.OutOfMemory},
	} {
		fn := function(t, isolation.Python, source)
		fn.Limits.MemoryBytes = c.limit << 20
		sb := deployed(t, b, base)
		if err := sb.Import(t.Context(), fn); err != nil {
			t.Fatal(err)
		}
		if res := runtimetest.Invoke(t, sb, fmt.Sprint(c.takes)); res.Outcome != c.want {
			t.Errorf("%d MB at a limit of %d: %s (%v), want %s", c.takes, c.limit, res.Outcome, res.Error, c.want)
		}
		sb.Close()
	}
}

// Copies of read-only files are not charged to the limit, and a function that has
// many of them is not ended for it.
func TestWhatIsNotChargedIsNotTakenForTooMuch(t *testing.T) {
	const source = `
import mmap, time
maps = []
def handler(event, context):
    with open('/tmp/library', 'wb') as f:
        for i in range(40):
            f.write(bytes([i]) * (1 << 20))
    with open('/tmp/library', 'rb') as f:
        for i in range(4):
            m = mmap.mmap(f.fileno(), 0, flags=mmap.MAP_PRIVATE, prot=mmap.PROT_READ)
            maps.append((m, sum(m[k] for k in range(0, len(m), 4096))))
    time.sleep(1.5)
    return len(maps)
`
	b := newBackend(t, Config{})
	fn := function(t, isolation.Python, source)
	fn.Limits.MemoryBytes = 128 << 20
	sb := deployed(t, b, baseSnapshot(t, b, isolation.Python, nil)).(*sandbox)
	defer sb.Close()
	if err := sb.Import(t.Context(), fn); err != nil {
		t.Fatal(err)
	}
	if res := runtimetest.Invoke(t, sb, "{}"); string(res.Payload) != "4" {
		t.Errorf("%+v: %v", res, res.Error)
	}
	resident := taskStatus(t, processOf(t, sb))["RssAnon"]
	var kb int64
	if _, err := fmt.Sscanf(resident, "%d kB", &kb); err != nil || kb<<10 < fair(128<<20) {
		t.Errorf("%s are resident (%v): the test does not reach the bound of a UC that says nothing", resident, err)
	}
}

// A snapshot may be closed, and its zygote with it, while its UCs are looked at.
func TestWatchOfAZygoteThatIsGone(t *testing.T) {
	b := newBackend(t, Config{})
	base := baseSnapshot(t, b, isolation.Python, nil)
	n := base.(*snap).holders()[0]
	if err := base.Close(); err != nil {
		t.Fatal(err)
	}
	if over := n.Oversized(t.Context(), []zygote.Bound{{Bytes: 1 << 20}}); len(over) > 0 {
		t.Errorf("%d UCs of a zygote that is gone are too large", len(over))
	}
}
