package bench

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/lambdabench/lambdabench/analysis/record"
)

func trialsNamed(names ...string) []Trial {
	var all []Trial
	for i, n := range names {
		all = append(all, Trial{Number: i + 1, Experiment: n})
	}
	return all
}

func TestAFolderIsForOneRunAtATime(t *testing.T) {
	dir := t.TempDir()
	f, err := openFolder(dir, []byte("suite: a"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := openFolder(dir, []byte("suite: a")); !errors.Is(err, ErrInUse) {
		t.Errorf("a second run: %v", err)
	}
	if err := f.close(); err != nil {
		t.Fatal(err)
	}
	if f, err = openFolder(dir, []byte("suite: a")); err != nil {
		t.Fatalf("after the first: %v", err)
	}
	f.close()
}

func TestAFolderIsForOneSuiteAndOnePlan(t *testing.T) {
	dir := t.TempDir()
	f, err := openFolder(dir, []byte("suite: a"))
	if err != nil {
		t.Fatal(err)
	}
	plan := trialsNamed("x", "y")
	if err := f.keepPlan(plan); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(f.path(plan[0]), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if todo := f.open(plan); len(todo) != 1 || todo[0].Experiment != "y" {
		t.Errorf("still to be done: %v", todo)
	}
	if err := f.keepPlan(plan); err != nil {
		t.Errorf("the same plan: %v", err)
	}
	if err := f.keepPlan(trialsNamed("x", "z")); !errors.Is(err, ErrOtherSuite) {
		t.Errorf("another plan: %v", err)
	}
	f.close()
	if _, err := openFolder(dir, []byte("suite: b")); !errors.Is(err, ErrOtherSuite) {
		t.Errorf("another suite: %v", err)
	}
}

func TestWhatAKilledRunLeftHalfDoneIsRemoved(t *testing.T) {
	dir := t.TempDir()
	part := filepath.Join(dir, record.Folder, "0001-x"+record.Suffix+".part")
	stale := filepath.Join(dir, "work", "trial-1", "deep")
	if err := errors.Join(os.MkdirAll(stale, 0o755), os.MkdirAll(filepath.Dir(part), 0o755), os.WriteFile(part, nil, 0o644)); err != nil {
		t.Fatal(err)
	}
	f, err := openFolder(dir, []byte("suite: a"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.close()
	for _, path := range []string{part, stale} {
		if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s is still there (%v)", path, err)
		}
	}
}
