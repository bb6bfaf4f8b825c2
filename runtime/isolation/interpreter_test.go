package isolation

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// pathOf makes a PATH of scripts. The names that the finder knows by their whole
// path (/usr/bin/node) are still there on a host that has them, so cases look at
// the candidates of the PATH.
func pathOf(t *testing.T, scripts map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range scripts {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"+text+"\n"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", dir)
	return dir
}

func TestAnswerOfACandidateThatIsNoInterpreterIsToldAsItIs(t *testing.T) {
	dir := pathOf(t, map[string]string{
		"slow": "exec /bin/sleep 60", "crashing": "kill -SEGV $$", "broken": "echo no libfoo.so >&2; exit 3",
		"old":    "echo 16.20.2; echo /bin/sh",
		"silent": "", "elsewhere": "echo 20.1.0; echo /nowhere/node",
		"shim": "/bin/sleep 3 & echo 20.1.0; echo /bin/sh",
	})
	f := new(Finder)
	for name, want := range map[string]string{
		"slow": "which did not answer in 300ms", "crashing": "segmentation fault",
		"broken": `exit status 3 (it says "no libfoo.so")`, "old": "which is 16.20.2: too old",
		"silent": "does not say its version", "elsewhere": "/nowhere/node",
	} {
		if f.Patience = 30 * time.Second; name == "slow" {
			f.Patience = 300 * time.Millisecond
		}
		_, err := f.ask(t.Context(), candidate{NodeJS, filepath.Join(dir, name)})
		if err == nil || !strings.Contains(err.Error(), want) || !strings.HasPrefix(err.Error(), dir) {
			t.Errorf("%s: %v, want %s", name, err, want)
		}
	}
	f.Patience = 30 * time.Second
	in, err := f.ask(t.Context(), candidate{NodeJS, filepath.Join(dir, "shim")})
	if err != nil || in.Runtime != "nodejs20.x" {
		t.Errorf("a shim that leaves a process: %+v, %v", in, err)
	}
}

// finder has the given candidates alone.
func finder(all ...candidate) *Finder {
	return &Finder{answers: map[string]answer{}, searched: all, Patience: 30 * time.Second}
}

func TestEachCandidateIsAskedOnce(t *testing.T) {
	dir := pathOf(t, map[string]string{
		"node": "echo asked >>$0.log; echo 20.1.0; echo /bin/sh", "python3": "echo asked >>$0.log; exit 1",
	})
	node, python := filepath.Join(dir, "node"), filepath.Join(dir, "python3")
	f := finder(candidate{NodeJS, node}, candidate{Python, python})
	for range 3 {
		if found := f.All(t.Context()); len(found) != 1 || found[0].Runtime != "nodejs20.x" {
			t.Fatalf("found %+v", found)
		}
		if in, err := f.Find(t.Context(), "nodejs"); err != nil || in.Version != "20.1.0" {
			t.Fatalf("%+v, %v", in, err)
		}
		if _, err := f.Find(t.Context(), "python3.11"); err == nil || !strings.Contains(err.Error(), python) {
			t.Fatalf("error %v", err)
		}
		lacks := f.Lacks(t.Context())
		if len(lacks) != 1 || !strings.Contains(lacks[0].Error(), python+", which does not run: exit status 1") {
			t.Fatalf("lacks %v", lacks)
		}
	}
	for _, path := range []string{node, python} {
		if log, err := os.ReadFile(path + ".log"); err != nil || string(log) != "asked\n" {
			t.Errorf("%s: %q, %v", path, log, err)
		}
	}
}

func TestAnEndOfTheContextIsNotRememberedAsAnAnswer(t *testing.T) {
	dir := pathOf(t, map[string]string{"node": "echo 20.1.0; echo /bin/sh"})
	f := finder(candidate{NodeJS, filepath.Join(dir, "node")})
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if found := f.All(gone); len(found) != 0 {
		t.Errorf("found %+v", found)
	}
	if _, err := f.Find(gone, "nodejs"); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	if found := f.All(t.Context()); len(found) != 1 {
		t.Errorf("found %+v", found)
	}
}

func TestLanguageWithoutACandidateIsToBeInstalled(t *testing.T) {
	got := fmt.Sprint(finder().Lacks(t.Context()))
	for _, want := range []string{
		"Node.js 18 or later is not installed (apt-get install nodejs)",
		"CPython 3.11 or later is not installed (apt-get install python3)",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in %s", want, got)
		}
	}
}

func TestScriptsAreAskedOnlyWhereNoExecutableAnswers(t *testing.T) {
	dir := pathOf(t, map[string]string{"node": "echo asked >>$0.log; echo 20.1.0; echo /bin/sh"})
	f := new(Finder)
	direct, _ := split(f.candidates())
	f.All(t.Context())
	_, err := os.Stat(filepath.Join(dir, "node.log"))
	if asked, needed := err == nil, len(f.askAll(t.Context(), of(NodeJS, direct))) == 0; asked != needed {
		t.Errorf("the script was asked: %v; no executable answers: %v", asked, needed)
	}
}

func TestOneExecutableUnderManyNamesIsOneCandidate(t *testing.T) {
	dir := t.TempDir()
	binary, err := os.ReadFile("/bin/true")
	if err != nil {
		t.Skip(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "node"), binary, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("node", filepath.Join(dir, "nodejs")); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir)
	n := 0
	for _, c := range new(Finder).candidates() {
		if strings.HasPrefix(c.path, dir) {
			n++
		}
	}
	if n != 1 {
		t.Errorf("%d candidates", n)
	}
}
