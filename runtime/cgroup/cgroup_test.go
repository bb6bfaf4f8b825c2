package cgroup

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func TestCPULimitInWordsOfEitherVersion(t *testing.T) {
	for _, c := range []struct {
		cpus   float64
		v1, v2 string
	}{
		{0, "-1", "max 100000"},
		{0.2, "20000", "20000 100000"},
		{3.5, "350000", "350000 100000"},
		{0.00001, "1000", "1000 100000"}, // no limit at all would be the worst reading of it
	} {
		for file, want := range map[string]string{"cpu.cfs_quota_us": c.v1, "cpu.max": c.v2} {
			dir := t.TempDir()
			if err := LimitCPU(dir, file != "cpu.max", c.cpus); err != nil {
				t.Fatal(err)
			}
			if got, err := os.ReadFile(filepath.Join(dir, file)); string(got) != want {
				t.Errorf("%v processors: %s is %q (%v), want %q", c.cpus, file, got, err, want)
			}
		}
	}
	if err := LimitCPU(filepath.Join(t.TempDir(), "none"), true, 1); err == nil || !strings.Contains(err.Error(), "cpu.cfs_quota_us") {
		t.Errorf("no such group: %v", err)
	}
}

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

// The host's own trees: a process goes into a group, which stays until it is gone.
func TestGroupIsEnteredAndRemoved(t *testing.T) {
	made := 0
	for _, tree := range Trees() {
		dir := filepath.Join(tree.Dir(), OwnedName("lambdabench-test-"))
		if tree.Controller == "cpuset" || os.Mkdir(dir, 0o755) != nil { // a new cpuset takes nobody
			continue
		}
		t.Cleanup(func() { RemoveTree(dir) })
		sleeper := exec.Command("sleep", "60")
		if err := sleeper.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { sleeper.Process.Kill() })
		if err := Enter(dir, sleeper.Process.Pid); err != nil {
			t.Logf("%q: %v", tree.Controller, err)
			sleeper.Process.Kill()
			sleeper.Wait()
			continue
		}
		if in := words(dir, "cgroup.procs"); len(in) != 1 || in[0] != fmt.Sprint(sleeper.Process.Pid) {
			t.Errorf("%q: in the group are %v", tree.Controller, in)
		}
		sleeper.Process.Kill()
		sleeper.Wait()
		if err := Remove(dir); err != nil {
			t.Error(err)
		}
		if err := Remove(dir); err != nil {
			t.Errorf("a second time: %v", err)
		}
		made++
	}
	if made == 0 {
		t.Skip("this user may make no cgroup")
	}
}

func TestDelegateGivesADirectoryWhoseGroupsHaveWhatItSays(t *testing.T) {
	for _, tree := range Trees() {
		if tree.Controller != "" {
			continue
		}
		wants := map[string]bool{"unheard-of": false}
		for _, c := range words(tree.Mount, "cgroup.subtree_control") {
			wants[c] = true
		}
		for wanted, want := range wants {
			dir, passed := tree.Delegate(OwnedName("lambdabench-test-"), wanted, "unheard-of")
			if dir == "" {
				t.Skip("this user may make no group in the version 2 tree")
			}
			group := filepath.Join(dir, "one")
			if err := os.Mkdir(group, 0o755); err != nil {
				t.Fatal(err)
			}
			has := words(group, "cgroup.controllers")
			if err := RemoveTree(dir); err != nil {
				t.Fatal(err)
			}
			if fmt.Sprint(has) != fmt.Sprint(passed) {
				t.Errorf("groups have %v, and are said to have %v", has, passed)
			}
			if want && len(passed) == 0 && os.Geteuid() == 0 || !want && len(passed) > 0 {
				t.Errorf("asked for %s, it passed %v", wanted, passed)
			}
		}
		return
	}
	t.Skip("no version 2 tree is mounted")
}

// As in a systemd unit with Delegate=yes: what limits the unit limits its functions.
func TestGroupsOfADelegatedGroupAreBelowIt(t *testing.T) {
	for _, tree := range Trees() {
		if tree.Controller != "" || !tree.delegated() && filepath.Base(tree.Own) != leafName {
			continue
		}
		own := strings.TrimSuffix(tree.Dir(), "/"+leafName)
		dir, passed := tree.Delegate(OwnedName("lambdabench-test-"), "memory", "pids", "cpu")
		if filepath.Dir(dir) != own || len(passed) != 3 {
			t.Fatalf("groups are in %s with %v, want them in %s", dir, passed, own)
		}
		t.Cleanup(func() { RemoveTree(dir) })
		group := filepath.Join(dir, "one")
		if err := os.Mkdir(group, 0o755); err != nil {
			t.Fatal(err)
		}
		sleeper := exec.Command("sleep", "60")
		if err := sleeper.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { sleeper.Process.Kill(); sleeper.Wait() })
		if err := Enter(group, sleeper.Process.Pid); err != nil {
			t.Error(err)
		}
		if err := os.WriteFile(filepath.Join(group, "memory.max"), []byte("100000000"), 0); err != nil {
			t.Error(err)
		}
		if left := words(own, "cgroup.procs"); len(left) > 0 {
			t.Errorf("processes %v are left in %s", left, own)
		}
		again := Trees()
		if second, _ := again[0].Delegate(OwnedName("lambdabench-test-"), "memory"); filepath.Dir(second) != own {
			t.Errorf("a second time: %s", second)
		} else {
			RemoveTree(second)
		}
		return
	}
	t.Skip("no version 2 group was delegated to this process (systemd: Delegate=yes)")
}
