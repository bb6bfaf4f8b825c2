package bench

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
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

func TestAFolderIsForOneProgramOnOneMachine(t *testing.T) {
	f, err := openFolder(t.TempDir(), []byte("suite: a"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.close()
	begun := record.Machine{Commit: "a", Kernel: "6.1", Cores: 2, Backends: map[string]string{"process": ""}}
	if err := f.keepMachine(record.Machine{Commit: "of a run that recorded nothing"}); err != nil {
		t.Fatal(err)
	}
	if err := f.keepMachine(begun); err != nil {
		t.Fatalf("no trial is recorded, and the machine is held against it: %v", err)
	}
	if err := os.WriteFile(f.path(trialsNamed("x")[0]), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	again := begun
	again.LoadBefore, again.Governor = [3]float64{3, 2, 1}, "powersave"
	if err := f.keepMachine(again); err != nil {
		t.Errorf("the same program on the same machine: %v", err)
	}
	other := begun
	other.Commit, other.Kernel = "b", "6.2"
	err = f.keepMachine(other)
	if !errors.Is(err, ErrOtherMachine) || !strings.Contains(err.Error(), "the kernel was 6.1 and is 6.2") ||
		!strings.Contains(err.Error(), "the commit was a and is b") {
		t.Errorf("another program on another kernel: %v", err)
	}
	var kept record.Machine
	b, err := os.ReadFile(filepath.Join(f.dir, record.MachineFile))
	if err == nil {
		err = json.Unmarshal(b, &kept)
	}
	if err != nil || kept.Commit != "a" || kept.LoadBefore != [3]float64{} {
		t.Errorf("kept is %+v, %v", kept, err)
	}
}

func TestWhatAKilledRunLeftHalfDoneIsRemoved(t *testing.T) {
	dir := t.TempDir()
	part := filepath.Join(dir, record.Folder, "0001-x"+record.Suffix+".part")
	stale := filepath.Join(dir, "work", "trial-1", "deep")
	if err := errors.Join(os.MkdirAll(stale, 0o755), os.MkdirAll(filepath.Dir(part), 0o755),
		os.WriteFile(part, nil, 0o644)); err != nil {
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
