package unikernel

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/lambdabench/lambdabench/runtime/isolation"
	"github.com/lambdabench/lambdabench/runtime/runtimetest"
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

// probed asks the host once.
var probed = sync.OnceValue(func() error { return probe(context.Background()) })

// function is one of the account whose pages are shared in these tests.
func function(t testing.TB, lang isolation.Language, body string) isolation.Function {
	t.Helper()
	fn := runtimetest.Function(t, lang, body)
	fn.Name, fn.Version, fn.ARN = "nop", "$LATEST", "arn:aws:lambda:local:1:function:nop"
	return fn
}

var nopSource = map[isolation.Language]string{
	isolation.NodeJS: "exports.handler = async (event) => event;\n",
	isolation.Python: "def handler(event, context):\n    return event\n",
}

func TestSnapshotStackServes(t *testing.T) {
	for _, lang := range []isolation.Language{isolation.NodeJS, isolation.Python} {
		t.Run(string(lang), func(t *testing.T) {
			ctx := t.Context()
			b := newBackend(t, Config{})
			step := time.Now()
			lap := func(what string) {
				t.Logf("%-22s %v", what, time.Since(step))
				step = time.Now()
			}
			sb, err := b.Boot(ctx, isolation.BootSpec{Interpreter: runtimetest.Interpreter(t, lang)})
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
			var fnSnap isolation.Snapshot
			for i := range 5 {
				cell, err := b.Deploy(ctx, base, isolation.DeploySpec{})
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
				if res := runtimetest.Invoke(t, cell, fmt.Sprint(i)); string(res.Payload) != fmt.Sprint(i) {
					t.Fatalf("%+v %v", res, res.Error)
				}
				lap("run")
				if res := runtimetest.Invoke(t, cell, fmt.Sprint(i)); string(res.Payload) != fmt.Sprint(i) {
					t.Fatalf("%+v", res)
				}
				lap("run again")
				cell.Close()
				lap("close")
			}
			t.Logf("sizes: base %d KB, function %d KB", base.Size()>>10, fnSnap.Size()>>10)
			for i := range 3 {
				warm, err := b.Deploy(ctx, fnSnap, isolation.DeploySpec{})
				if err != nil {
					t.Fatal(err)
				}
				lap("deploy function")
				if res := runtimetest.Invoke(t, warm, fmt.Sprint(i)); string(res.Payload) != fmt.Sprint(i) {
					t.Fatalf("%+v %v", res, res.Error)
				}
				lap("run")
				warm.Close()
				lap("close")
			}
		})
	}
}

func TestStartIsTriedAgainAfterOneThatFailed(t *testing.T) {
	b := newBackend(t, Config{})
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if err := b.prepare(gone); !errors.Is(err, context.Canceled) {
		t.Errorf("a start without time: %v", err)
	}
	if err := b.prepare(t.Context()); err != nil {
		t.Error(err)
	}
}
