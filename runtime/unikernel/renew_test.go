package unikernel

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/lambdabench/lambdabench/runtime"
	"github.com/lambdabench/lambdabench/runtime/runtimetest"
	"github.com/lambdabench/lambdabench/runtime/unikernel/abi"
)

// keeping keep what they are sent in every way that a language offers.
var keeping = map[runtime.Language]string{
	runtime.NodeJS: `const all = []; exports.handler = async (e) => { all.push(e, Buffer.from(e), Buffer.alloc(1 << 16, e)); require('fs').writeFileSync('/tmp/x', e); return all.length; };`,
	runtime.Python: "all = []\ndef handler(e, c):\n    all.extend([e, e.encode() * 1000, bytearray(e.encode())])\n    open('/tmp/x', 'w').write(e)\n    return len(all)\n",
}

// onlyOne is a base snapshot with one node, which keeps one blank.
func onlyOne(t *testing.T, lang runtime.Language) (*Backend, *snap) {
	b := newBackend(t, Config{Stock: 1})
	return b, baseSnapshot(t, b, lang, nil).(*snap)
}

func TestRenewedBlankHoldsNothingOfItsFunction(t *testing.T) {
	for _, lang := range []runtime.Language{runtime.NodeJS, runtime.Python} {
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
			if res := runtimetest.Invoke(t, sb, string(event)); res.Outcome != runtime.OK {
				t.Fatalf("%+v", res)
			}
			if found(t, sb.uc, secret) == 0 {
				t.Fatal("the search does not find what is there")
			}
			uc, n := sb.uc, base.nodes.load()[0]
			takeBlank(t, n).end() // room for the one that is to be renewed
			sb.Close()
			again := takeBlank(t, n)
			if again.id != uc.id || !again.renewed() {
				t.Fatalf("stock has blank %d, not %d", again.id, uc.id)
			}
			if k := found(t, again, secret); k > 0 {
				t.Errorf("%d pages still hold it", k)
			}
			again.end()
		})
	}
}

// takeBlank takes one out of stock, for a test that ends it.
func takeBlank(t *testing.T, n *node) blank {
	t.Helper()
	uc, ok := n.stock.take()
	if !ok {
		t.Fatal("the stock is empty")
	}
	return uc
}

func (uc blank) end() { uc.node.discard(uc) }

// found counts the UC's own pages that contain text.
func found(t *testing.T, uc blank, text string) int {
	t.Helper()
	n, count := uc.node, 0
	var got []taken
	runtimetest.Eventually(t, "the UC is at rest", func() bool {
		r, _, err := n.ask(order{op: opScan, id: uc.id}, func(r reply) (err error) {
			got, err = parseTaken(n.scratch[abi.PageSize:], r.n)
			return err
		})
		return err == nil && r.err == 0
	})
	got = append(got, taken{addr: abi.Stack, pages: abi.StackSize / abi.PageSize})
	for _, g := range got {
		for i := range g.pages {
			at := g.addr + uint64(i)*abi.PageSize
			r, _, err := n.ask(order{op: opPeek, id: uc.id, a: at, b: abi.PageSize}, func(reply) error {
				if bytes.Contains(n.scratch[:abi.PageSize], []byte(text)) {
					count++
				}
				return nil
			})
			if err != nil || r.err != 0 {
				t.Fatal(err, r.err)
			}
		}
	}
	return count
}

func TestRenewedBlanksServeOtherFunctions(t *testing.T) {
	for lang, body := range map[runtime.Language]string{
		runtime.NodeJS: "globalThis.seen = (globalThis.seen || 0) + 1; exports.handler = async () => [globalThis.seen, %d, require('crypto').randomUUID(), process.pid];\n",
		runtime.Python: "import builtins, os, uuid\nbuiltins.seen = getattr(builtins, 'seen', 0) + 1\ndef handler(e, c):\n    return [builtins.seen, %d, str(uuid.uuid4()), os.getpid()]\n",
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
// changed its mappings is no blank again, and ends.
func TestEndOfAUCEndsItsFunction(t *testing.T) {
	for name, c := range map[string]struct {
		body string
		most int // blanks that come of it
	}{
		"busy":      {"exports.handler = async () => { setImmediate(function f() { for (let t = Date.now(); Date.now() < t + 200;); setImmediate(f); }); return 1; };\n", 1},
		"dead":      {"exports.handler = async () => process.exit(3);\n", 0},
		"too large": {"let b; exports.handler = async () => { b = Buffer.alloc(32 << 20, 1); return 1; };\n", 0},
	} {
		t.Run(name, func(t *testing.T) {
			b, base := onlyOne(t, runtime.NodeJS)
			sb := deployed(t, b, base).(*sandbox)
			takeBlank(t, base.nodes.load()[0]).end()
			if err := sb.Import(t.Context(), function(t, runtime.NodeJS, c.body)); err != nil {
				t.Fatal(err)
			}
			runtimetest.Invoke(t, sb, "{}")
			begin := time.Now()
			sb.Close()
			if d := time.Since(begin); d > 10*time.Second {
				t.Errorf("its end took %v", d)
			}
			if k := base.nodes.load()[0].stock.len(); k > c.most {
				t.Errorf("%d blanks are in stock, want at most %d", k, c.most)
			}
			next := deployed(t, b, base)
			defer next.Close()
			if err := next.Import(t.Context(), function(t, runtime.NodeJS, nopSource[runtime.NodeJS])); err != nil {
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
	languages(b, func(b *testing.B, lang runtime.Language) {
		be := newBackend(b, Config{})
		base := baseSnapshot(b, be, lang, be.Anticipate())
		source := map[runtime.Language]string{
			runtime.NodeJS: "exports.handler = async () => %d;\n", runtime.Python: "def handler(e, c):\n    return %d\n",
		}
		all := make([]runtime.Snapshot, b.N)
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
		runtimetest.Eventually(b, "captures are settled", func() bool { return len(be.captured) == 0 })
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
