package cgroup

import (
	"fmt"
	"os"
	"os/exec"
	"testing"
)

func TestOnlyWhatADeadProcessOwnsIsOrphaned(t *testing.T) {
	const prefix = "lambdabench-test-"
	gone := exec.Command("true")
	if err := gone.Run(); err != nil {
		t.Fatal(err)
	}
	own := OwnedName(prefix)
	if own == OwnedName(prefix) {
		t.Error("two names are the same")
	}
	for name, want := range map[string]bool{
		own: false,
		fmt.Sprintf("%s%d-1-1", prefix, os.Getpid()):      true, // another process had our id
		fmt.Sprintf("%s%d-1-1", prefix, gone.Process.Pid): true,
		fmt.Sprintf("other-%d-1-1", gone.Process.Pid):     false,
		prefix + "x-1-1": false,
		fmt.Sprintf("%s%d-1", prefix, gone.Process.Pid): false,
		prefix: false,
		fmt.Sprintf("%s%d-1-1-1", prefix, gone.Process.Pid): false,
	} {
		if got := Orphaned(prefix, name); got != want {
			t.Errorf("%s: orphaned is %v", name, got)
		}
	}
}

func TestGroupsOfAProcessThatIsGoneAreEndedAndRemoved(t *testing.T) {
	const prefix = "lambdabench-test-sweep-"
	living := made(t, OwnedName(prefix))
	// No process has this id: it is above the kernel's largest.
	orphan := made(t, fmt.Sprintf("%s%d-1-1", prefix, 1<<22+1)).Child("one")
	if err := orphan.Make(); err != nil {
		t.Fatal(err)
	}
	left := sleeper(t)
	enterAll(t, orphan, left.Process.Pid)
	if err := Sweep(prefix); err != nil {
		t.Error(err)
	}
	left.Wait()
	for _, dir := range orphan.Dirs() {
		if _, err := os.Stat(dir); err == nil {
			t.Errorf("%s is left", dir)
		}
	}
	for _, dir := range living.Dirs() {
		if _, err := os.Stat(dir); err != nil {
			t.Errorf("the group of a process that lives is gone: %v", err)
		}
	}
}
