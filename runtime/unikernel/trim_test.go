package unikernel

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/lambdabench/lambdabench/runtime"
)

// What a function keeps, and changes between its calls, to be looked at.
var keepers = map[runtime.Language]string{
	runtime.NodeJS: `
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
	runtime.Python: `
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

func askKeeper(t *testing.T, sb runtime.Sandbox, event string) {
	t.Helper()
	res := invoke(t, sb, event)
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

// keeper is a UC of a function that keeps something. Nobody else trims it.
func keeper(t *testing.T, lang runtime.Language) (*Backend, *sandbox) {
	t.Helper()
	be := newBackend(t, Config{TrimAfter: -1})
	sb := deployed(t, be, functionSnapshot(t, be, baseSnapshot(t, be, lang, steps), function(t, lang, keepers[lang])))
	t.Cleanup(func() { sb.Close() })
	return be, sb.(*sandbox)
}

func TestTrimmedUCKeepsItsStateAndTakesLessMemory(t *testing.T) {
	for lang := range keepers {
		t.Run(string(lang), func(t *testing.T) {
			_, sb := keeper(t, lang)
			for range 3 {
				askKeeper(t, sb, "{}")
				before, err := sb.Usage()
				if err != nil {
					t.Fatal(err)
				}
				if !sb.trim(time.Nanosecond) || sb.trim(time.Nanosecond) {
					t.Error("want one trim after a call, and no second one")
				}
				eventually(t, "the UC takes much less memory", func() bool {
					after, err := sb.Usage()
					return err == nil && after.MemoryBytes < before.MemoryBytes*3/4
				})
			}
			askKeeper(t, sb, "{}")
		})
	}
}

// What a trimmed UC has lies in patches, that of its snapshot beneath.
func TestTrimmedUCIsCapturedAsItWas(t *testing.T) {
	for lang := range keepers {
		t.Run(string(lang), func(t *testing.T) {
			be, sb := keeper(t, lang)
			askKeeper(t, sb, "{}")
			if !sb.trim(time.Nanosecond) {
				t.Fatal("not trimmed")
			}
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

func TestTrimmedUCIsRenewed(t *testing.T) {
	be := newBackend(t, Config{TrimAfter: -1})
	snap := functionSnapshot(t, be, baseSnapshot(t, be, runtime.NodeJS, steps), function(t, runtime.NodeJS, keepers[runtime.NodeJS]))
	seen := map[int]bool{}
	for range 50 {
		sb := deployed(t, be, snap).(*sandbox)
		if sb.uc.renewed {
			seen[int(sb.uc.id)] = true
		}
		askKeeper(t, sb, "{}")
		if !sb.trim(time.Nanosecond) {
			t.Fatal("not trimmed")
		}
		sb.Close()
	}
	if len(seen) == 0 {
		t.Error("no UC served twice")
	}
}

// A UC may run while its pages are looked at: timers and threads of functions
// go on. What was seen before it ran must not be given back.
func TestTrimOfAUCThatRunsLosesNothing(t *testing.T) {
	for lang := range keepers {
		t.Run(string(lang), func(t *testing.T) {
			_, sb := keeper(t, lang)
			askKeeper(t, sb, `{"tick":true}`)
			for i := range 100 {
				sb.mu.Lock()
				sb.trimmed = false
				sb.mu.Unlock()
				sb.trim(time.Nanosecond)
				if i%10 == 9 {
					askKeeper(t, sb, "{}")
				}
			}
		})
	}
}

func TestIdleUCsAreTrimmedAndNoCallIsRefused(t *testing.T) {
	be := newBackend(t, Config{TrimAfter: time.Millisecond})
	snap := functionSnapshot(t, be, baseSnapshot(t, be, runtime.NodeJS, nil), function(t, runtime.NodeJS, nopSource[runtime.NodeJS]))
	var all sync.WaitGroup
	for range 4 {
		sb := deployed(t, be, snap).(*sandbox)
		defer sb.Close()
		all.Go(func() {
			trims := 0
			for i := 0; i < 2000 && trims < 50; i++ {
				if res := invoke(t, sb, "7"); string(res.Payload) != "7" {
					t.Errorf("%+v", res)
				}
				time.Sleep(time.Duration(i%20) * time.Millisecond / 2)
				sb.mu.Lock()
				if sb.trimmed {
					trims++
				}
				sb.mu.Unlock()
			}
			if trims == 0 {
				t.Error("never trimmed")
			}
		})
	}
	all.Wait()
}
