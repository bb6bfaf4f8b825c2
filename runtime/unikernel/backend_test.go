package unikernel

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/lambdabench/lambdabench/runtime"
)

// newBackend makes a backend that the test's end closes.
func newBackend(t testing.TB, cfg Config) *Backend {
	t.Helper()
	b := New(cfg)
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := probed(); err != nil {
		t.Skip(err)
	}
	return b
}

// What the host has is asked once: version managers answer slowly.
var (
	probed       = sync.OnceValue(func() error { return probe(context.Background()) })
	interpreters = sync.OnceValue(func() []runtime.Interpreter { return runtime.Interpreters(context.Background()) })
)

func interpreter(t testing.TB, lang runtime.Language) runtime.Interpreter {
	t.Helper()
	for _, in := range interpreters() {
		if in.Language == lang {
			return in
		}
	}
	t.Skipf("no interpreter for %s is installed", lang)
	return runtime.Interpreter{}
}

// function writes a package of one file.
func function(t testing.TB, lang runtime.Language, body string) runtime.Function {
	t.Helper()
	dir, name := t.TempDir(), "index.js"
	if lang == runtime.Python {
		name = "index.py"
	}
	if err := os.WriteFile(filepath.Join(dir, name), []byte(body), 0o644); err != nil {
		t.Fatal(err)
	}
	return runtime.Function{Name: "nop", Version: "$LATEST", ARN: "arn:aws:lambda:local:1:function:nop", Handler: "index.handler", Package: dir}
}

var nopSource = map[runtime.Language]string{
	runtime.NodeJS: "exports.handler = async (event) => event;\n",
	runtime.Python: "def handler(event, context):\n    return event\n",
}

func invoke(t testing.TB, sb runtime.Sandbox, payload string) runtime.Result {
	t.Helper()
	res, err := sb.Invoke(context.Background(), runtime.Invocation{ID: "request-1", Payload: []byte(payload), Deadline: time.Now().Add(30 * time.Second)})
	if err != nil {
		t.Fatal(err)
	}
	return res
}

func TestSnapshotStackServes(t *testing.T) {
	for _, lang := range []runtime.Language{runtime.NodeJS, runtime.Python} {
		t.Run(string(lang), func(t *testing.T) {
			ctx := t.Context()
			b := newBackend(t, Config{})
			step := time.Now()
			lap := func(what string) {
				t.Logf("%-22s %v", what, time.Since(step))
				step = time.Now()
			}
			sb, err := b.Boot(ctx, runtime.BootSpec{Interpreter: interpreter(t, lang)})
			if err != nil {
				t.Fatal(err)
			}
			lap("boot")
			base, err := b.Capture(ctx, sb)
			if err != nil {
				t.Fatal(err)
			}
			lap("capture base")
			fn := function(t, lang, nopSource[lang])
			var fnSnap runtime.Snapshot
			for i := range 5 {
				cell, err := b.Deploy(ctx, base, runtime.Limits{})
				if err != nil {
					t.Fatal(err)
				}
				lap("deploy")
				if err := cell.Import(ctx, fn); err != nil {
					t.Fatal(err)
				}
				lap("import")
				if fnSnap, err = b.Capture(ctx, cell); err != nil {
					t.Fatal(err)
				}
				lap("capture function")
				if res := invoke(t, cell, fmt.Sprint(i)); string(res.Payload) != fmt.Sprint(i) {
					t.Fatalf("%+v %v", res, res.Error)
				}
				lap("run")
				if res := invoke(t, cell, fmt.Sprint(i)); string(res.Payload) != fmt.Sprint(i) {
					t.Fatalf("%+v", res)
				}
				lap("run again")
				cell.Close()
				lap("close")
			}
			t.Logf("sizes: base %d KB, function %d KB", base.Size()>>10, fnSnap.Size()>>10)
			for i := range 3 {
				warm, err := b.Deploy(ctx, fnSnap, runtime.Limits{})
				if err != nil {
					t.Fatal(err)
				}
				lap("deploy function")
				if res := invoke(t, warm, fmt.Sprint(i)); string(res.Payload) != fmt.Sprint(i) {
					t.Fatalf("%+v %v", res, res.Error)
				}
				lap("run")
				warm.Close()
				lap("close")
			}
		})
	}
}
