package process

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lambdabench/lambdabench/runtime/cgroup"
	"github.com/lambdabench/lambdabench/runtime/isolation"
	"github.com/lambdabench/lambdabench/runtime/runtimetest"
)

func booted(t testing.TB, b *Backend, lang isolation.Language) isolation.Sandbox {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	sb, err := b.Boot(ctx, isolation.BootSpec{Interpreter: runtimetest.Interpreter(t, lang)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { sb.Close() })
	return sb
}

// loaded is a sandbox of b with a Python handler; b is closed with the test.
func loaded(t testing.TB, b *Backend, source string) isolation.Sandbox {
	t.Helper()
	t.Cleanup(func() { b.Close() })
	sb := booted(t, b, isolation.Python)
	if err := sb.Import(context.Background(), runtimetest.Function(t, isolation.Python, source)); err != nil {
		t.Fatal(err)
	}
	return sb
}

// The host's fault is mended while the platform runs on.
func TestPrepareThatFailedIsTriedAgain(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "later")
	b := New(Config{Dir: dir, withoutUsers: true}) // root without users would take another directory
	t.Cleanup(func() { b.Close() })
	for range 2 {
		if err := b.Probe(t.Context()); err == nil {
			t.Fatal("it works without its directory")
		}
		if b.shared != nil {
			t.Errorf("of a prepare that failed %+v stays", b.shared)
		}
	}
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	booted(t, b, isolation.Python)
	if err := b.Close(); err != nil {
		t.Error(err)
	}
	if err := b.CanLimit(isolation.Limits{}); !errors.Is(err, errClosed) {
		t.Errorf("after Close: %v", err)
	}
}

func TestDyingWordsAreInTheLog(t *testing.T) {
	sb := loaded(t, New(Config{}), "import os\ndef handler(e, c):\n    os.write(2, b'dying words')\n    os._exit(1)\n")
	res := runtimetest.Invoke(t, sb, "{}")
	if res.Outcome != isolation.Crashed || !strings.Contains(string(res.Logs), "dying words") ||
		res.Error.Message != "RequestId: r Error: Runtime exited with error: exit status 1" {
		t.Errorf("%+v %v, logs %q", res, res.Error, res.Logs)
	}
}

func TestAFileOverTheLimitIsRefused(t *testing.T) {
	sb := loaded(t, New(Config{MaxFile: 1 << 20}), "import tempfile\ndef handler(e, c):\n"+
		"    with open(tempfile.gettempdir() + '/big', 'wb') as f:\n        f.write(bytes(2 << 20))\n")
	res := runtimetest.Invoke(t, sb, "{}")
	if res.Outcome != isolation.Failed || !strings.Contains(res.Error.Message, "File too large") {
		t.Errorf("%+v, %v", res, res.Error)
	}
}

func TestCloseRemovesAllDirectories(t *testing.T) {
	dir := t.TempDir()
	if err := os.Chmod(filepath.Dir(dir), 0o755); err != nil {
		t.Fatal(err)
	}
	b := New(Config{Dir: dir})
	sb := loaded(t, b, "import tempfile\ndef handler(e, c):\n    open(tempfile.gettempdir() + '/kept', 'w').close()\n")
	runtimetest.Reply(t, sb, "{}")
	if entries, _ := os.ReadDir(dir); len(entries) != 1 {
		t.Fatalf("the backend did not use its Dir: %v", entries)
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 0 {
		t.Errorf("left behind: %v", entries)
	}
	if _, err := b.Boot(context.Background(), isolation.BootSpec{}); !errors.Is(err, errClosed) {
		t.Errorf("boot on a closed backend gave %v", err)
	}
}

func TestAMemoryLimitBelowTheRuntimesOwnIsExplained(t *testing.T) {
	b := New(Config{})
	t.Cleanup(func() { b.Close() })
	sb := booted(t, b, isolation.NodeJS)
	if !b.cgroups.HasV1(cgroup.Memory) {
		t.Skip("only a version 1 memory cgroup refuses a limit below what is in use")
	}
	err := sb.Import(context.Background(), isolation.Function{
		Name: "f", Handler: "index.handler", Package: "/", Limits: isolation.Limits{MemoryBytes: 1 << 20},
	})
	if err == nil || !strings.Contains(err.Error(), "limit of 1 MB is below what the runtime itself takes") {
		t.Errorf("import gave %v", err)
	}
}

// BenchmarkHot is a NOP on the bare sandbox, the base of the harness's cost.
func BenchmarkHot(b *testing.B) {
	ctx := context.Background()
	be := New(Config{})
	b.Cleanup(func() { be.Close() })
	sb := booted(b, be, isolation.NodeJS)
	fn := runtimetest.Function(b, isolation.NodeJS, "exports.handler = async () => null")
	if err := sb.Import(ctx, fn); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		inv := isolation.Invocation{ID: "r", Payload: []byte("{}"), Deadline: time.Now().Add(5 * time.Second)}
		res, err := sb.Invoke(ctx, inv)
		if err != nil || res.Outcome != isolation.OK {
			b.Fatalf("invoke: %+v, %v", res, err)
		}
	}
}
