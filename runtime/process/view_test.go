package process

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lambdabench/lambdabench/runtime/isolation"
	"github.com/lambdabench/lambdabench/runtime/runtimetest"
)

// A setuid program in the function's own package, on a backend whose sandboxes
// see the host's files and on one whose do not.
func TestSetuidProgramGainsNothing(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can make a setuid program of root's")
	}
	id, err := exec.LookPath("id")
	if err != nil {
		t.Skip(err)
	}
	program, err := os.ReadFile(id)
	if err != nil {
		t.Fatal(err)
	}
	for name, cfg := range map[string]Config{"own file system": {}, "the host's": {withoutViews: true}} {
		t.Run(name, func(t *testing.T) {
			dir, err := os.MkdirTemp("", "lambdabench-setuid-") // not below t.TempDir, which others cannot enter
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { os.RemoveAll(dir) })
			source := `
import os, subprocess
def handler(e, c):
    status = open('/proc/self/status').read()
    return [os.getuid(), int(subprocess.check_output([os.environ['LAMBDA_TASK_ROOT'] + '/id', '-u'])), status]
`
			for _, err := range []error{
				os.WriteFile(filepath.Join(dir, "index.py"), []byte(source), 0o644),
				os.WriteFile(filepath.Join(dir, "id"), program, 0o755),
				os.Chmod(filepath.Join(dir, "id"), 0o755|os.ModeSetuid),
				os.Chmod(dir, 0o755),
			} {
				if err != nil {
					t.Fatal(err)
				}
			}
			b := New(cfg)
			t.Cleanup(func() { b.Close() })
			sb := booted(t, b, isolation.Python)
			if err := sb.Import(t.Context(), isolation.Function{Name: "f", Handler: "index.handler",
				Package: dir}); err != nil {
				t.Fatal(err)
			}
			var got []any
			if err := json.Unmarshal([]byte(runtimetest.Reply(t, sb, "{}")), &got); err != nil {
				t.Fatal(err)
			}
			if b.users == nil {
				t.Skip("functions run as the platform's user here")
			}
			if got[0] != got[1] || got[0] == 0.0 {
				t.Errorf("user %v runs a setuid program as %v", got[0], got[1])
			}
			if status := got[2].(string); !strings.Contains(status, "CapBnd:\t0000000000000000\n") {
				t.Errorf("the bounding set is not empty:\n%s", status)
			}
		})
	}
}

// A data directory that nobody else may enter does not make imports slow: root
// shows a package by a mount, whatever is above it.
func TestPackageInAClosedDirectoryIsShownInPlace(t *testing.T) {
	b := New(Config{})
	t.Cleanup(func() { b.Close() })
	if err := b.CanConfine(); err != nil {
		t.Skip(err)
	}
	if b.users == nil {
		t.Skip("only root shows packages in place")
	}
	fn := runtimetest.Function(t, isolation.Python, `
import os
def handler(e, c):
    try:
        open('/var/task/x', 'w')
        wrote = True
    except OSError as err:
        wrote = err.strerror
    return [os.getcwd(), os.stat('/var/task/index.py').st_uid, wrote]
`)
	if err := os.Chmod(filepath.Dir(fn.Package), 0o700); err != nil {
		t.Fatal(err)
	}
	sb := booted(t, b, isolation.Python)
	if err := sb.Import(t.Context(), fn); err != nil {
		t.Fatal(err)
	}
	if got := runtimetest.Reply(t, sb, "{}"); strings.ReplaceAll(got, " ",
		"") != `["/var/task",0,"Read-onlyfilesystem"]` {
		t.Errorf("the function sees %s", got)
	}
}

func TestHostWithoutMountNamespacesIsSaid(t *testing.T) {
	b := New(Config{withoutViews: true})
	t.Cleanup(func() { b.Close() })
	if err := b.CanConfine(); err == nil || !strings.Contains(err.Error(), "share its /tmp") {
		t.Errorf("%v", err)
	}
	fn := runtimetest.Function(t, isolation.Python, "import tempfile\ndef handler(e, c): return tempfile.gettempdir()")
	tmp := map[string]bool{}
	for range 2 {
		sb := booted(t, b, isolation.Python)
		if err := sb.Import(t.Context(), fn); err != nil {
			t.Fatal(err)
		}
		tmp[runtimetest.Reply(t, sb, "{}")] = true
	}
	if len(tmp) != 2 {
		t.Errorf("two sandboxes have one TMPDIR: %v", tmp)
	}
}
