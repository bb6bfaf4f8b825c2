package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// runSh runs run.sh in a copy of its folder with the given environment and
// returns what it prints. It must fail.
func runSh(t *testing.T, env ...string) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{"run.sh", "go.mod", "go.sum"} {
		data, err := os.ReadFile(filepath.Join("..", "..", name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.CommandContext(t.Context(), "bash", filepath.Join(dir, "run.sh"), "test")
	cmd.Env = append(os.Environ(), env...)
	out, err := cmd.CombinedOutput()
	if err == nil {
		t.Fatalf("run.sh did not fail; it printed:\n%s", out)
	}
	return string(out)
}

// fakeGo is a directory with a go command that says it is of the given version
// and can do nothing else.
func fakeGo(t *testing.T, version string) string {
	dir := t.TempDir()
	script := "#!/bin/sh\n[ \"$GOTOOLCHAIN $1\" = 'local version' ] && echo go version go" + version +
		" linux/amd64 && exit\n" +
		"echo 'go: a long raw error' >&2; exit 1\n"
	if err := os.WriteFile(filepath.Join(dir, "go"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestRunShSaysInOneSentenceWhichGoIsNeeded(t *testing.T) {
	for version, want := range map[string]string{
		"1.19.8": "Go 1.19.8 is too old: install Go 1.26",
		"1.22":   "Go 1.22 could not fetch Go 1.26",
	} {
		out := runSh(t, "PATH="+fakeGo(t, version)+":"+os.Getenv("PATH"))
		if !strings.Contains(out, want) || strings.Contains(out, "raw error") || strings.Count(out, "\n") != 1 {
			t.Errorf("Go %s: run.sh printed\n%s\nwant one line with %q", version, out, want)
		}
	}
}

func TestRunShSaysInOneSentenceThatModulesCannotBeFetched(t *testing.T) {
	out := runSh(t, "GOMODCACHE="+t.TempDir(), "GOPROXY=http://127.0.0.1:1", "GOFLAGS=-mod=mod", "GONOSUMDB=*",
		"GOTOOLCHAIN=local")
	if !strings.Contains(out, "could not be fetched") || strings.Count(out, "\n") != 1 {
		t.Errorf("run.sh printed\n%s\nwant one line that says that the modules could not be fetched", out)
	}
}
