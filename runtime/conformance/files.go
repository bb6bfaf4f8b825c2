package conformance

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/lambdabench/lambdabench/runtime/driver"
	"github.com/lambdabench/lambdabench/runtime/isolation"
)

// files are what a function sees of files, and may become through them.
func (s *suite) files(t *testing.T) {
	t.Run("tmp of its own", s.ownTmp)
	t.Run("code in the task root", s.taskRoot)
	t.Run("no file of the platform", s.noForeignFile)
	t.Run("no privilege to gain", s.noPrivilege)
}

// needConfinement skips where the host's file system is the function's.
func (s *suite) needConfinement(t *testing.T) {
	t.Helper()
	if c, ok := s.backend.(isolation.Confiner); ok {
		if err := c.CanConfine(); err != nil {
			t.Skip(err)
		}
	}
}

func onFile(do, path string) string { return fmt.Sprintf(`{"do":%q,"path":%q}`, do, path) }

func (s *suite) ownTmp(t *testing.T) {
	s.needConfinement(t)
	for _, dir := range []string{"/tmp", "/var/tmp", "/dev/shm"} {
		path := fmt.Sprintf("%s/lambdabench-own-%d", dir, rand.Uint64())
		writer, reader := s.load(t, s.function("index.handler")), s.load(t, s.function("index.handler"))
		if !mustSucceed[bool](t, invoke(t, writer, onFile("create", path))) {
			if dir == "/tmp" {
				t.Errorf("%s cannot be written", path)
			}
			continue
		}
		wantResult(t, invoke(t, writer, onFile("exists", path)), "true")
		wantResult(t, invoke(t, reader, onFile("exists", path)), "false")
		if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
			os.Remove(path)
			t.Errorf("%s of a function is on the host: %v", path, err)
		}
	}
}

func (s *suite) taskRoot(t *testing.T) {
	s.needConfinement(t)
	sb := s.load(t, s.function("index.handler"))
	got := mustSucceed[struct{ Root string }](t, invoke(t, sb, do("environment")))
	if got.Root != driver.TaskRoot {
		t.Errorf("LAMBDA_TASK_ROOT is %s, want %s", got.Root, driver.TaskRoot)
	}
}

// noForeignFile looks for what lies beside the function's package, as the
// packages of others and the platform's data may.
func (s *suite) noForeignFile(t *testing.T) {
	s.needConfinement(t)
	path := filepath.Join(filepath.Dir(s.packages), "of-another")
	if err := os.WriteFile(path, []byte("secret"), 0o644); err != nil {
		t.Fatal(err)
	}
	sb := s.load(t, s.function("index.handler"))
	own := fmt.Sprintf("/proc/%d/root%s", os.Getpid(), path)
	for _, seen := range []string{path, driver.TaskRoot + "/../of-another", "/proc/1/root" + path, own} {
		wantResult(t, invoke(t, sb, onFile("exists", seen)), "false")
	}
}

var (
	noNewPrivileges = regexp.MustCompile(`(?m)^NoNewPrivs:\t1$`)
	noCapability    = regexp.MustCompile(`(?m)^CapEff:\t0+$`)
)

func (s *suite) noPrivilege(t *testing.T) {
	sb := s.load(t, s.function("index.handler"))
	status := mustSucceed[string](t, invoke(t, sb, onFile("read", "/proc/self/status")))
	if status == "" {
		t.Skip("there is no /proc/self/status in this sandbox")
	}
	if !noNewPrivileges.MatchString(status) {
		t.Errorf("a setuid program gains its owner's rights:\n%s", status)
	}
	if !noCapability.MatchString(status) {
		t.Errorf("the function has capabilities:\n%s", status)
	}
}
