package fidelity

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

//go:embed runner.py
var runner []byte

// Python is CPython 3.11's suite: dir is the package test of
// libpython3.11-testsuite. The package is completed with the parts of it that
// lie in the standard library, in work, which must not be below /tmp: a UC has
// a /tmp of its own.
func Python(ctx context.Context, dir, work string) (*Suite, error) {
	in, err := interpreter(ctx, "python3.11")
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(filepath.Join(dir, "test_socket.py")); err != nil {
		return nil, fmt.Errorf("%s is not CPython's package test: %w", dir, err)
	}
	tests, err := merged(ctx, in.Path, dir, work)
	if err != nil {
		return nil, err
	}
	s := &Suite{
		Name: "python", Deadline: 3 * time.Minute, interpreter: in, trees: []string{work}, lines: true,
		argv: func(unit string, first int) []string {
			return []string{in.Path, filepath.Join(work, "runner.py"), work, unit, strconv.Itoa(first)}
		},
		forks: func(string) bool { return false }, // the kernel says
	}
	entries, err := os.ReadDir(tests)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		name, py := strings.CutSuffix(e.Name(), ".py")
		if strings.HasPrefix(name, "test_") && (py || e.IsDir()) {
			s.Units = append(s.Units, name)
		}
	}
	return s, nil
}

// merged lays the whole package test into work.
func merged(ctx context.Context, python, dir, work string) (string, error) {
	tests := filepath.Join(work, "test")
	if _, err := os.Stat(filepath.Join(tests, "test_socket.py")); err != nil {
		if err := os.RemoveAll(tests); err != nil {
			return "", err
		}
		out, err := exec.CommandContext(ctx, python, "-I", "-c", "import test; print(test.__path__[0])").Output()
		if err != nil {
			return "", fmt.Errorf("find the standard library's package test: %w", err)
		}
		for _, from := range []string{strings.TrimSpace(string(out)), dir} {
			if err := copyTree(from, tests); err != nil {
				return "", fmt.Errorf("complete the package test: %w", err)
			}
		}
		// Modules with intended mistakes make it fail; the others are compiled.
		_ = exec.CommandContext(ctx, python, "-m", "compileall", "-q", tests).Run()
	}
	return tests, os.WriteFile(filepath.Join(work, "runner.py"), runner, 0o644)
}

// copyTree copies from over to, links as links.
func copyTree(from, to string) error {
	if err := os.MkdirAll(to, 0o755); err != nil {
		return err
	}
	out, err := exec.Command("cp", "-a", from+"/.", to).CombinedOutput()
	if err != nil {
		return errors.Join(fmt.Errorf("cp %s: %s", from, out), err)
	}
	return nil
}
