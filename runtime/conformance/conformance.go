// Package conformance is the suite that every isolation backend passes: the
// same cases, with the same functions, for every interpreter on the host. A
// backend's own test calls it:
//
//	func TestConformance(t *testing.T) {
//		conformance.Run(t, func(t testing.TB) isolation.Backend { return process.New(process.Config{}) })
//	}
//
//	func BenchmarkBackend(b *testing.B) {
//		conformance.Benchmark(b, func(t testing.TB) isolation.Backend { return process.New(process.Config{}) })
//	}
//
// Cases that need a capability (isolation.Snapshotter, isolation.Pauser,
// isolation.HostProcess) or a limit that the host cannot enforce
// (isolation.Limiter) are skipped with the exact reason. The suite also checks
// that a backend leaves nothing behind: goroutines, descriptors, processes.
package conformance

import (
	"context"
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/lambdabench/lambdabench/runtime/isolation"
)

//go:embed all:functions
var functions embed.FS

// patience bounds what a case waits for on a busy host.
const patience = 60 * time.Second

// suite is the cases of one backend with one interpreter.
type suite struct {
	backend  isolation.Backend
	in       isolation.Interpreter
	packages string // the functions' directory on the host
}

// Run runs the suite on the backend that create makes. create must not
// close it: Run does, and then looks for what is left.
func Run(t *testing.T, create func(t testing.TB) isolation.Backend) {
	interpreters := isolation.Interpreters(context.Background())
	if len(interpreters) == 0 {
		t.Skip("no interpreter found: install Node.js 18 or later, or CPython 3.11 or later")
	}
	before := newInventory()
	backend := create(t)
	t.Cleanup(func() {
		if err := backend.Close(); err != nil {
			t.Errorf("close %s: %v", backend.Name(), err)
		}
		before.verify(t)
	})
	if err := backend.Probe(context.Background()); err != nil {
		t.Skip(err)
	}
	for _, in := range interpreters {
		s := &suite{backend: backend, in: in, packages: unpackFunctions(t, in.Language)}
		t.Run(in.Runtime, func(t *testing.T) {
			t.Run("calls", s.calls)
			t.Run("logs", s.logging)
			t.Run("system", s.system)
			t.Run("import", s.imports)
			t.Run("environment", s.variables)
			t.Run("hooks", s.hooks)
			t.Run("host", s.host)
			t.Run("libraries", s.libraries)
			t.Run("ends", s.ends)
			t.Run("files", s.files)
			t.Run("links", s.links)
			t.Run("limits", s.limits)
			t.Run("control", s.control)
			t.Run("faults", s.faults)
			t.Run("prepared", s.prepared)
			t.Run("snapshots", s.snapshots)
		})
	}
}

// unpackFunctions writes the functions of a language to a directory that
// every user may read.
func unpackFunctions(t testing.TB, lang isolation.Language) string {
	t.Helper()
	sub, err := fs.Sub(functions, "functions/"+string(lang))
	if err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "lambdabench-conformance-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.CopyFS(filepath.Join(dir, "task"), sub); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return filepath.Join(dir, "task")
}

func (s *suite) node() bool { return s.in.Language == isolation.NodeJS }

// function is the one whose handler has the given name in the unpacked package.
func (s *suite) function(handler string) isolation.Function {
	return isolation.Function{
		Name: "conformance", Version: "$LATEST", ARN: "arn:aws:lambda:local:000000000000:function:conformance",
		Handler: handler, Package: s.packages, Environment: map[string]string{"OWN": "of the function"},
		Limits: isolation.Limits{MemoryBytes: 1 << 30},
	}
}

// boot starts a sandbox that is closed with the test.
func (s *suite) boot(t testing.TB, limits isolation.Limits) isolation.Sandbox {
	t.Helper()
	return s.bootAs(t, isolation.BootSpec{Limits: limits})
}

// bootAs is boot with more than limits.
func (s *suite) bootAs(t testing.TB, spec isolation.BootSpec) isolation.Sandbox {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	spec.Interpreter = s.in
	sb, err := s.backend.Boot(ctx, spec)
	if err != nil {
		t.Fatalf("boot: %v", err)
	}
	closeLater(t, sb)
	return sb
}

func closeLater(t testing.TB, c interface{ Close() error }) {
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
}

// load boots a sandbox and imports fn.
func (s *suite) load(t testing.TB, fn isolation.Function) isolation.Sandbox {
	t.Helper()
	sb := s.boot(t, fn.Limits)
	s.importInto(t, sb, fn)
	return sb
}

func (s *suite) importInto(t testing.TB, sb isolation.Sandbox, fn isolation.Function) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := sb.Import(ctx, fn); err != nil {
		t.Fatalf("import %s: %v", fn.Handler, err)
	}
}

const requestID = "8476a536-e9f4-11e8-9739-2dfe598c3fcd"

// invocation of a handler with an event, a JSON text.
func invocation(event string, limit time.Duration) isolation.Invocation {
	return isolation.Invocation{ID: requestID, Payload: []byte(event), Deadline: time.Now().Add(limit)}
}

// invoke hands the event to sb.
func invoke(t testing.TB, sb isolation.Sandbox, event string) isolation.Result {
	t.Helper()
	return invokeFor(t, sb, event, patience)
}

func invokeFor(t testing.TB, sb isolation.Sandbox, event string, limit time.Duration) isolation.Result {
	t.Helper()
	inv := invocation(event, limit)
	inv.ClientContext = []byte(`{"custom":{"k":"v"}}`)
	res, err := sb.Invoke(context.Background(), inv)
	if err != nil {
		t.Fatalf("invoke %.80s: %v", event, err)
	}
	return res
}

// do is the event that selects a case of index.handler.
func do(name string) string { return fmt.Sprintf(`{"do":%q}`, name) }

// mustSucceed fails the test unless the result is OK, and decodes its payload.
func mustSucceed[T any](t testing.TB, res isolation.Result) (v T) {
	t.Helper()
	if res.Outcome != isolation.OK {
		t.Fatalf("outcome %s (%v), logs %.500s", res.Outcome, res.Error, res.Logs)
	}
	if err := json.Unmarshal(res.Payload, &v); err != nil {
		t.Fatalf("reply %.200q: %v", res.Payload, err)
	}
	return v
}

// wantResult fails the test unless the function replied exactly with want.
func wantResult(t testing.TB, res isolation.Result, want string) {
	t.Helper()
	if res.Outcome != isolation.OK || string(res.Payload) != want {
		t.Fatalf("outcome %s, reply %.200s, error %v; want reply %.200s", res.Outcome, res.Payload, res.Error, want)
	}
}
