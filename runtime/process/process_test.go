package process

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/lambdabench/lambdabench/runtime"
)

func nop(t testing.TB, lang runtime.Language) runtime.Function {
	dir := t.TempDir()
	src, name := "exports.handler = async (event) => { console.log('hi'); return {got: event}; }", "index.js"
	if lang == runtime.Python {
		src, name = "def handler(event, context):\n    print('hi')\n    return {'got': event}\n", "index.py"
	}
	if err := os.WriteFile(filepath.Join(dir, name), []byte(src), 0o644); err != nil {
		t.Fatal(err)
	}
	return runtime.Function{Name: "nop", Handler: "index.handler", Package: dir}
}

func TestInvokesAnUnmodifiedHandler(t *testing.T) {
	for _, lang := range []runtime.Language{runtime.NodeJS, runtime.Python} {
		t.Run(string(lang), func(t *testing.T) {
			ctx := context.Background()
			in, err := runtime.FindInterpreter(ctx, string(lang))
			if err != nil {
				t.Skip(err)
			}
			b := New(Config{})
			defer b.Close()
			sb, err := b.Boot(ctx, runtime.BootSpec{Interpreter: in})
			if err != nil {
				t.Fatal(err)
			}
			defer sb.Close()
			if err := sb.Import(ctx, nop(t, lang)); err != nil {
				t.Fatal(err)
			}
			for i := range 3 {
				res, err := sb.Invoke(ctx, runtime.Invocation{ID: "r", Payload: fmt.Appendf(nil, "%d", i), Deadline: time.Now().Add(5 * time.Second)})
				if err != nil || res.Outcome != runtime.OK {
					t.Fatalf("invoke: %+v, %v", res, err)
				}
				if len(res.Logs) == 0 {
					t.Error("what the function printed is lost")
				}
				t.Logf("%s %s", res.Payload, res.Logs)
			}
		})
	}
}

func BenchmarkHot(b *testing.B) {
	ctx := context.Background()
	in, err := runtime.FindInterpreter(ctx, "nodejs")
	if err != nil {
		b.Skip(err)
	}
	be := New(Config{})
	defer be.Close()
	sb, err := be.Boot(ctx, runtime.BootSpec{Interpreter: in})
	if err != nil {
		b.Fatal(err)
	}
	dir := b.TempDir()
	os.WriteFile(filepath.Join(dir, "index.js"), []byte("exports.handler = async () => null"), 0o644)
	if err := sb.Import(ctx, runtime.Function{Name: "nop", Handler: "index.handler", Package: dir}); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		res, err := sb.Invoke(ctx, runtime.Invocation{ID: "r", Payload: []byte("{}"), Deadline: time.Now().Add(5 * time.Second)})
		if err != nil || res.Outcome != runtime.OK {
			b.Fatalf("invoke: %+v, %v", res, err)
		}
	}
}
