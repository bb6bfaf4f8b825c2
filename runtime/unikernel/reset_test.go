package unikernel

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/lambdabench/lambdabench/runtime/isolation"
	"github.com/lambdabench/lambdabench/runtime/runtimetest"
	"github.com/lambdabench/lambdabench/runtime/unikernel/abi"
	"github.com/lambdabench/lambdabench/runtime/unikernel/zygote"
)

// keeping keep what they are sent in every way that a language offers.
var keeping = map[isolation.Language]string{
	isolation.NodeJS: `const all = [];
exports.handler = async (e) => {
  all.push(e, Buffer.from(e), Buffer.alloc(1 << 16, e));
  require('fs').writeFileSync('/tmp/x', e);
  return all.length;
};`,
	isolation.Python: "all = []\ndef handler(e, c):\n    all.extend([e, e.encode() * 1000, " +
		"bytearray(e.encode())])\n    open('/tmp/x', 'w').write(e)\n    return len(all)\n",
}

// onlyOne is a base snapshot with one zygote, which keeps one spare.
func onlyOne(t *testing.T, lang isolation.Language) (*Backend, *snap) {
	b := newBackend(t, Config{Spares: 1})
	return b, baseSnapshot(t, b, lang, nil).(*snap)
}

func TestResetSpareHoldsNothingOfItsFunction(t *testing.T) {
	for _, lang := range []isolation.Language{isolation.NodeJS, isolation.Python} {
		t.Run(string(lang), func(t *testing.T) {
			b, base := onlyOne(t, lang)
			sb := deployed(t, b, base).(*sandbox)
			if err := sb.Import(t.Context(), function(t, lang, keeping[lang])); err != nil {
				t.Fatal(err)
			}
			secret := strings.Repeat("not for others ", 4)
			event, err := json.Marshal(secret)
			if err != nil {
				t.Fatal(err)
			}
			if res := runtimetest.Invoke(t, sb, string(event)); res.Outcome != isolation.OK {
				t.Fatalf("%+v", res)
			}
			if found(t, sb.live.uc, secret) == 0 {
				t.Fatal("the search does not find what is there")
			}
			n, pid := base.holders()[0], processOf(t, sb)
			getSpare(t, n).Discard() // room for the one that is to be reset
			sb.Close()
			again := getSpare(t, n)
			if now, err := again.HostPID(t.Context()); now != pid || !again.WasReset() {
				t.Fatalf("the pool has process %d, not %d: %v", now, pid, err)
			}
			if k := found(t, again, secret); k > 0 {
				t.Errorf("%d pages still hold it", k)
			}
			again.Discard()
		})
	}
}

// emptyPool ends the spares of a zygote.
func emptyPool(z *zygote.Zygote) {
	for c, ok := z.GetSpare(zygote.Tenancy{}); ok; c, ok = z.GetSpare(zygote.Tenancy{}) {
		c.Discard()
	}
}

// getSpare takes one out of the pool, for a test that ends it.
func getSpare(t *testing.T, n *zygote.Zygote) zygote.Child {
	t.Helper()
	uc, ok := n.GetSpare(zygote.Tenancy{})
	if !ok {
		t.Fatal("the pool is empty")
	}
	return uc
}

// found counts the private pages of the UC that contain text. Which are its own is asked
// of the kernel: the tender may believe something else.
func found(t *testing.T, uc zygote.Child, text string) int {
	t.Helper()
	pid, err := uc.HostPID(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	mem, err := os.Open(fmt.Sprintf("/proc/%d/mem", pid))
	if err != nil {
		t.Skip(err)
	}
	defer mem.Close()
	count := 0
	page := make([]byte, abi.PageSize)
	for _, at := range anonymousPages(t, pid) {
		if _, err := mem.ReadAt(page, int64(at)); err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(page, []byte(text)) {
			count++
		}
	}
	return count
}

// anonymousPages are the addresses of the pages of a process that no file has:
// proc(5), smaps and pagemap.
func anonymousPages(t *testing.T, pid int) (all []uint64) {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps", pid))
	if err != nil {
		t.Fatal(err)
	}
	pagemap, err := os.Open(fmt.Sprintf("/proc/%d/pagemap", pid))
	if err != nil {
		t.Fatal(err)
	}
	defer pagemap.Close()
	const present, ofFile = 1 << 63, 1 << 61
	var start, end uint64
	for line := range strings.Lines(string(text)) {
		var from, to uint64
		if n, _ := fmt.Sscanf(line, "%x-%x ", &from, &to); n == 2 {
			start, end = from, to
		}
		kb := 0
		if n, _ := fmt.Sscanf(line, "Anonymous: %d kB", &kb); n == 0 || kb == 0 {
			continue
		}
		b := make([]byte, (end-start)/abi.PageSize*8)
		if _, err := pagemap.ReadAt(b, int64(start/abi.PageSize*8)); err != nil {
			t.Fatal(err)
		}
		for at := start; at < end; at, b = at+abi.PageSize, b[8:] {
			if v := binary.LittleEndian.Uint64(b); v&present != 0 && v&ofFile == 0 {
				all = append(all, at)
			}
		}
	}
	return all
}

// Which pages are a UC's own is asked only where it had page faults, so lives that
// have some and lives that have none take turns.
func TestResetSpareHoldsNothingOfAnyLife(t *testing.T) {
	const source = "let all = []; exports.handler = async ([text, pages]) => { for (let i = 0; i < pages; i++) " +
		"all.push(Buffer.alloc(4096, text)); return all.length; };\n"
	b, base := onlyOne(t, isolation.NodeJS)
	n := base.holders()[0]
	for life, pages := range []int{100, 1, 400, 0, 30, 30, 900, 2} {
		sb := deployed(t, b, base).(*sandbox)
		if err := sb.Import(t.Context(), function(t, isolation.NodeJS, source)); err != nil {
			t.Fatal(err)
		}
		secret := fmt.Sprintf("not for life %d ", life+1)
		runtimetest.Invoke(t, sb, fmt.Sprintf(`[%q,%d]`, secret, pages))
		pid := processOf(t, sb)
		if found(t, sb.live.uc, secret) < pages {
			t.Fatalf("life %d: the search does not find what is there", life)
		}
		emptyPool(n)
		sb.Close()
		again := getSpare(t, n)
		if now, err := again.HostPID(t.Context()); now != pid || !again.WasReset() {
			t.Fatalf("life %d: the pool has process %d, not %d: %v", life, now, pid, err)
		}
		if k := found(t, again, secret); k > 0 {
			t.Errorf("%d pages still hold what life %d wrote", k, life)
		}
		n.Put(again)
	}
}

func TestResetProcessesServeOtherFunctions(t *testing.T) {
	for lang, body := range map[isolation.Language]string{
		isolation.NodeJS: "globalThis.seen = (globalThis.seen || 0) + 1; exports.handler = async () => " +
			"[globalThis.seen, %d, require('crypto').randomUUID(), process.pid];\n",
		isolation.Python: "import builtins, os, uuid\nbuiltins.seen = getattr(builtins, 'seen', 0) + 1\ndef " +
			"handler(e, c):\n    return [builtins.seen, %d, str(uuid.uuid4()), os.getpid()]\n",
	} {
		t.Run(string(lang), func(t *testing.T) {
			b, base := onlyOne(t, lang)
			unique := map[any]bool{}
			for i := range 40 {
				sb := deployed(t, b, base)
				if err := sb.Import(t.Context(), function(t, lang, fmt.Sprintf(body, i))); err != nil {
					t.Fatal(err)
				}
				var got []any
				if err := json.Unmarshal(runtimetest.Invoke(t, sb, "{}").Payload, &got); err != nil {
					t.Fatal(err)
				}
				if got[0] != 1.0 || got[1] != float64(i) {
					t.Fatalf("function %d answers %v", i, got)
				}
				if unique[got[2]] || unique[got[3]] {
					t.Fatalf("function %d repeats %v", i, got)
				}
				unique[got[2]], unique[got[3]] = true, true
				sb.Close()
			}
		})
	}
}

// What a function leaves running does not outlive it; a UC that died or that
// changed its mappings is no spare again, and ends.
func TestEndOfAUCEndsItsFunction(t *testing.T) {
	for name, c := range map[string]struct {
		body string
		most int // spares that come of it
	}{
		"busy": {"exports.handler = async () => { setImmediate(function f() { for (let t = Date.now(); " +
			"Date.now() < t + 200;); setImmediate(f); }); return 1; };\n", 1},
		"dead":      {"exports.handler = async () => process.exit(3);\n", 0},
		"too large": {"let b; exports.handler = async () => { b = Buffer.alloc(32 << 20, 1); return 1; };\n", 0},
	} {
		t.Run(name, func(t *testing.T) {
			b, base := onlyOne(t, isolation.NodeJS)
			sb := deployed(t, b, base).(*sandbox)
			getSpare(t, base.holders()[0]).Discard()
			if err := sb.Import(t.Context(), function(t, isolation.NodeJS, c.body)); err != nil {
				t.Fatal(err)
			}
			runtimetest.Invoke(t, sb, "{}")
			begin := time.Now()
			sb.Close()
			if d := time.Since(begin); d > 10*time.Second {
				t.Errorf("its end took %v", d)
			}
			if k := base.holders()[0].Spares(); k > c.most {
				t.Errorf("%d spares are in the pool, want at most %d", k, c.most)
			}
			next := deployed(t, b, base)
			defer next.Close()
			if err := next.Import(t.Context(), function(t, isolation.NodeJS, nopSource[isolation.NodeJS])); err != nil {
				t.Fatal(err)
			}
			if res := runtimetest.Invoke(t, next, "7"); string(res.Payload) != "7" {
				t.Errorf("%+v", res)
			}
		})
	}
}

// BenchmarkCachedSnapshots captures b.N functions of one tenant and reports
// what the cache of them takes; every one then answers a warm call.
func BenchmarkCachedSnapshots(b *testing.B) {
	languages(b, func(b *testing.B, lang isolation.Language) {
		be := newBackend(b, Config{})
		base := baseSnapshot(b, be, lang, be.Anticipate())
		source := map[isolation.Language]string{
			isolation.NodeJS: "exports.handler = async () => %d;\n",
			isolation.Python: "def handler(e, c):\n    return %d\n",
		}
		all := make([]isolation.Snapshot, b.N)
		before := be.arena.Bytes()
		b.ResetTimer()
		for i := range all {
			sb := deployed(b, be, base)
			if err := sb.Import(b.Context(), function(b, lang, fmt.Sprintf(source[lang], i))); err != nil {
				b.Fatal(err)
			}
			var err error
			if all[i], err = be.Capture(b.Context(), sb); err != nil {
				b.Fatal(err)
			}
			sb.Close()
		}
		b.StopTimer()
		runtimetest.Eventually(b, "captures are committed", func() bool { return len(be.captured) == 0 })
		b.ReportMetric(float64(be.arena.Bytes()-before)/float64(b.N), "bytes/snapshot")
		begin := time.Now()
		for i, s := range all {
			sb := deployed(b, be, s)
			if got := string(runtimetest.Invoke(b, sb, "{}").Payload); got != fmt.Sprint(i) {
				b.Fatalf("function %d answers %s", i, got)
			}
			sb.Close()
		}
		b.ReportMetric(float64(b.N)/time.Since(begin).Seconds(), "warm/s")
		for _, s := range all {
			s.Close()
		}
	})
}
