package unikernel

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lambdabench/lambdabench/runtime/isolation"
	"github.com/lambdabench/lambdabench/runtime/runtimetest"
	"github.com/lambdabench/lambdabench/runtime/unikernel/abi"
)

// What a function keeps, and changes between its calls, to be looked at.
var keepers = map[isolation.Language]string{
	isolation.NodeJS: `
const kept = Array.from({ length: 300 }, (_, i) => ({ i, s: 'x' + i }));
const block = Buffer.alloc(1 << 16, 7);
let ticks = 0;
exports.handler = async (event) => {
  if (event.tick) setInterval(() => { ticks++; block[ticks * 4096 % block.length] ^= ticks & 255; }, 1);
  let sum = 0;
  for (const k of kept) sum += k.i + k.s.length;
  let want = 7 * block.length;
  const check = Buffer.alloc(block.length, 7);
  for (let t = 1; t <= ticks; t++) check[t * 4096 % check.length] ^= t & 255;
  return [sum, check.equals(block)];
};
`,
	isolation.Python: `
kept = [(i, "x%d" % i) for i in range(300)]
block = bytearray(b"\x07" * (1 << 16))
ticks = 0

def tick():
    global ticks
    import time
    while True:
        time.sleep(0.001)
        ticks += 1
        block[ticks * 4096 % len(block)] ^= ticks & 255

def handler(event, context):
    if event.get("tick"):
        import threading
        threading.Thread(target=tick, daemon=True).start()
    total = sum(i + len(s) for i, s in kept)
    now, check = ticks, bytearray(b"\x07" * (1 << 16))
    have = bytes(block)
    for t in range(1, now + 1):
        check[t * 4096 % len(check)] ^= t & 255
    return [total, now != ticks or check == have]
`,
}

const keepersAnswer = "45940,true"

func askKeeper(t *testing.T, sb isolation.Sandbox, event string) {
	t.Helper()
	res := runtimetest.Invoke(t, sb, event)
	var sum int64
	var same bool
	if _, err := fmt.Sscanf(string(res.Payload), "[%d,%t]", &sum, &same); err != nil {
		if _, err := fmt.Sscanf(string(res.Payload), "[%d, %t]", &sum, &same); err != nil {
			t.Fatalf("%+v", res)
		}
	}
	if got := fmt.Sprintf("%d,%t", sum, same); got != keepersAnswer {
		t.Fatalf("%s, want %s", got, keepersAnswer)
	}
}

// keeper is a UC of a function that keeps something. Nobody else has it hibernate.
func keeper(t *testing.T, lang isolation.Language) (*Backend, *sandbox) {
	t.Helper()
	be := newBackend(t, Config{HibernateAfter: -1})
	sb := deployed(t, be, functionSnapshot(t, be, baseSnapshot(t, be, lang, steps), function(t, lang, keepers[lang])))
	t.Cleanup(func() { sb.Close() })
	return be, sb.(*sandbox)
}

// rest has a UC hibernate, which must succeed: it comes to its sleep a moment after
// its reply.
func rest(t *testing.T, sb *sandbox) {
	t.Helper()
	runtimetest.Eventually(t, "the UC hibernates", func() bool {
		sb.mu.Lock()
		sb.tryAgain = time.Time{}
		sb.mu.Unlock()
		return sb.hibernate(time.Nanosecond)
	})
}

func TestHibernatedUCKeepsItsStateAndTakesLessMemory(t *testing.T) {
	for lang := range keepers {
		t.Run(string(lang), func(t *testing.T) {
			_, sb := keeper(t, lang)
			for range 3 {
				askKeeper(t, sb, "{}")
				before, err := sb.Usage()
				if err != nil {
					t.Fatal(err)
				}
				rest(t, sb)
				if sb.hibernate(time.Nanosecond) {
					t.Error("it hibernates twice")
				}
				after, err := sb.Usage()
				if err != nil || after.MemoryBytes > before.MemoryBytes/4 {
					t.Errorf("%d bytes, asleep %d, %v", before.MemoryBytes, after.MemoryBytes, err)
				}
				if after.CPU < before.CPU {
					t.Errorf("%v of processor time, asleep %v", before.CPU, after.CPU)
				}
			}
			askKeeper(t, sb, "{}")
		})
	}
}

// Process id and random numbers are those of the same process, not of a clone.
func TestWokenUCIsTheSame(t *testing.T) {
	sources := map[isolation.Language]string{
		isolation.NodeJS: "let n = 0; const { pid } = process;\nexports.handler = async () => [++n, pid === " +
			"process.pid];\n",
		isolation.Python: "import os, random\nn, pid = 0, os.getpid()\nrandom.seed(7)\nwant = " +
			"random.Random(7)\ndef handler(event, context):\n    global n\n    n += 1\n    return [n, n == 1 or " +
			"(pid == os.getpid() and random.random() == want.random())]\n",
	}
	for lang, source := range sources {
		t.Run(string(lang), func(t *testing.T) {
			be := newBackend(t, Config{HibernateAfter: -1})
			sb := deployed(t, be, baseSnapshot(t, be, lang, steps)).(*sandbox)
			defer sb.Close()
			if err := sb.Import(t.Context(), function(t, lang, source)); err != nil {
				t.Fatal(err)
			}
			for i := 1; i < 6; i++ {
				var n int
				var same bool
				if _, err := fmt.Sscanf(strings.ReplaceAll(string(runtimetest.Invoke(t, sb, "{}").Payload), " ", ""),
					"[%d,%t]", &n, &same); err != nil || n != i || i > 1 && !same {
					t.Fatalf("call %d: %d, %t, %v", i, n, same, err)
				}
				rest(t, sb)
			}
		})
	}
}

// Its content lies in patches, that of its snapshot beneath.
func TestHibernatedUCIsCapturedAsItWas(t *testing.T) {
	for lang := range keepers {
		t.Run(string(lang), func(t *testing.T) {
			be, sb := keeper(t, lang)
			askKeeper(t, sb, "{}")
			rest(t, sb)
			snap, err := be.Capture(t.Context(), sb)
			if err != nil {
				t.Fatal(err)
			}
			defer snap.Close()
			askKeeper(t, sb, "{}")
			clone := deployed(t, be, snap)
			defer clone.Close()
			askKeeper(t, clone, "{}")
		})
	}
}

// What a UC gave back while it had another process reads as zeros still: in a
// process that was reset and in one that was forked, and in a capture.
func TestWokenUCHasZerosWhereItGaveMemoryBack(t *testing.T) {
	const source = `
import ctypes
libc = ctypes.CDLL(None)
size = 1 << 20
libc.mmap.restype = ctypes.c_void_p
libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]
libc.madvise.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
at = libc.mmap(None, size, 3, 0x22, -1, 0)
ctypes.memset(at, 1, size)

def handler(event, context):
    if event.get("discard"):
        assert libc.madvise(at, size, 4) == 0
        ctypes.memset(at + 8192, 2, 1)
    return sum(ctypes.string_at(at, size))
`
	for name, pool := range map[string]int{"reset": 0, "forked": -1} {
		t.Run(name, func(t *testing.T) {
			be := newBackend(t, Config{HibernateAfter: -1, Spares: pool})
			sb := deployed(t, be, functionSnapshot(t, be, baseSnapshot(t, be, isolation.Python, steps),
				function(t, isolation.Python, source))).(*sandbox)
			defer sb.Close()
			want := func(sb isolation.Sandbox, event, sum string) {
				t.Helper()
				if got := string(runtimetest.Invoke(t, sb, event).Payload); got != sum {
					t.Fatalf("%s, want %s", got, sum)
				}
			}
			want(sb, "{}", "1048576")
			rest(t, sb)
			want(sb, "{}", "1048576")
			want(sb, `{"discard":true}`, "2")
			for range 3 {
				rest(t, sb)
				want(sb, "{}", "2")
			}
			snap, err := be.Capture(t.Context(), sb)
			if err != nil {
				t.Fatal(err)
			}
			defer snap.Close()
			clone := deployed(t, be, snap)
			defer clone.Close()
			want(clone, "{}", "2")
		})
	}
}

func TestProcessOfAUCThatHibernatesServesAnother(t *testing.T) {
	be := newBackend(t, Config{HibernateAfter: -1})
	snap := functionSnapshot(t, be, baseSnapshot(t, be, isolation.NodeJS, steps),
		function(t, isolation.NodeJS, keepers[isolation.NodeJS]))
	reset := 0
	for range 50 {
		sb := deployed(t, be, snap).(*sandbox)
		defer sb.Close()
		if sb.live.uc.WasReset() {
			reset++
		}
		askKeeper(t, sb, "{}")
		rest(t, sb)
	}
	if reset < 30 {
		t.Errorf("%d of 50 UCs got a process that had served", reset)
	}
	if n := len(descendants(os.Getpid())); n > 40 {
		t.Errorf("%d processes for 50 UCs that hibernate", n)
	}
}

// A UC may run while its pages are looked at: timers and threads of functions
// go on. It must not lose what it did.
func TestUCThatRunsByItselfLosesNothing(t *testing.T) {
	for lang := range keepers {
		t.Run(string(lang), func(t *testing.T) {
			_, sb := keeper(t, lang)
			askKeeper(t, sb, `{"tick":true}`)
			for i := range 100 {
				sb.mu.Lock()
				sb.tryAgain = time.Time{}
				sb.mu.Unlock()
				sb.hibernate(time.Nanosecond)
				if i%10 == 9 {
					askKeeper(t, sb, "{}")
				}
			}
		})
	}
}

func TestIdleUCsHibernateAndNoCallIsRefused(t *testing.T) {
	be := newBackend(t, Config{HibernateAfter: time.Millisecond})
	snap := functionSnapshot(t, be, baseSnapshot(t, be, isolation.NodeJS, steps),
		function(t, isolation.NodeJS, nopSource[isolation.NodeJS]))
	var all sync.WaitGroup
	for range 4 {
		sb := deployed(t, be, snap).(*sandbox)
		defer sb.Close()
		all.Go(func() {
			for i := range 60 { // calls find it awake, on its way to sleep, and asleep
				if res := runtimetest.Invoke(t, sb, "7"); string(res.Payload) != "7" {
					t.Errorf("%+v", res)
				}
				if i%6 == 5 && !sleepsWithin(sb, 20*time.Second) {
					t.Error("it does not hibernate")
					return
				}
				time.Sleep(time.Duration(i%20) * time.Millisecond / 2)
			}
		})
	}
	all.Wait()
}

func hibernates(sb *sandbox) bool {
	sb.mu.Lock()
	defer sb.mu.Unlock()
	return sb.state == hibernated
}

// sleepsWithin waits until a UC hibernates.
func sleepsWithin(sb *sandbox, limit time.Duration) bool {
	for end := time.Now().Add(limit); time.Now().Before(end); time.Sleep(time.Millisecond) {
		if hibernates(sb) {
			return true
		}
	}
	return false
}

func TestMoreUCsThanProcesses(t *testing.T) {
	b := newBackend(t, Config{Awake: 16})
	snap := functionSnapshot(t, b, baseSnapshot(t, b, isolation.NodeJS, steps),
		function(t, isolation.NodeJS, "let n = 0; exports.handler = async (e) => [e, ++n];\n"))
	var all []isolation.Sandbox
	for i := range 60 {
		sb := deployed(t, b, snap)
		defer sb.Close()
		all = append(all, sb)
		if got := string(runtimetest.Invoke(t, sb, fmt.Sprint(i)).Payload); got != fmt.Sprintf("[%d,1]", i) {
			t.Fatalf("UC %d answers %s", i, got)
		}
	}
	for round := 2; round < 4; round++ {
		runtimetest.Eventually(t, "those that are too many hibernate", func() bool {
			return b.fleet.awake.Load() <= 16
		})
		for i, sb := range all {
			if got := string(runtimetest.Invoke(t, sb, fmt.Sprint(i)).Payload); got != fmt.Sprintf("[%d,%d]", i,
				round) {
				t.Fatalf("UC %d answers %s in round %d", i, got, round)
			}
		}
	}
}

func TestHibernatedUCClosedLeavesNothing(t *testing.T) {
	be, sb := keeper(t, isolation.NodeJS)
	askKeeper(t, sb, "{}")
	rest(t, sb)
	kept := int64(len(sb.asleep.patches)) * abi.PageSize
	if kept == 0 {
		t.Error("nothing is kept of it")
	}
	runtimetest.Eventually(t, "the snapshot is committed", func() bool {
		be.mu.Lock()
		defer be.mu.Unlock()
		return sb.parent.refs == 2
	})
	before := be.arena.Bytes()
	if err := sb.Close(); err != nil {
		t.Error(err)
	}
	if after := be.arena.Bytes(); after != before-kept {
		t.Errorf("the arena holds %d bytes, %d while it kept %d of a UC", after, before, kept)
	}
	if _, err := sb.Invoke(t.Context(), isolation.Invocation{ID: "x"}); !errors.Is(err, isolation.ErrClosed) {
		t.Errorf("a call after Close: %v", err)
	}
	if n := be.fleet.awake.Load(); n != 0 {
		t.Errorf("%d UCs are counted as awake", n)
	}
}

func TestWhatAnIdleUCPrintsIsHeardAtItsClose(t *testing.T) {
	b := newBackend(t, Config{})
	snap := baseSnapshot(t, b, isolation.NodeJS, nil)
	sb, err := b.Deploy(t.Context(), snap, isolation.DeploySpec{})
	if err != nil {
		t.Fatal(err)
	}
	fn := function(t, isolation.NodeJS,
		`exports.handler = async () => {
  setImmediate(() => { const end = Date.now() + 100; while (Date.now() < end); console.log('late words'); });
};`)
	if err := sb.Import(t.Context(), fn); err != nil {
		t.Fatal(err)
	}
	if res := runtimetest.Invoke(t, sb, "1"); res.Outcome != isolation.OK || len(res.Logs) > 0 {
		t.Fatalf("%+v, log %q", res, res.Logs)
	}
	runtimetest.Eventually(t, "the UC prints", func() bool { return !sb.(*sandbox).live.channel.Quiet() })
	if err := sb.Close(); err != nil {
		t.Fatal(err)
	}
	if last, _ := sb.(isolation.Printer).Printed(); !strings.Contains(string(last), "late words") {
		t.Errorf("the last words are %q", last)
	}
}
