package cgroup

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// As in a systemd unit with Delegate=yes: what limits the unit limits its functions.
func TestGroupsOfADelegatedGroupAreBelowIt(t *testing.T) {
	for _, tree := range Trees() {
		if tree.Controller != "" || !tree.delegated() && filepath.Base(tree.Own) != leafName {
			continue
		}
		own := strings.TrimSuffix(tree.Dir(), "/"+leafName)
		dir, passed := tree.delegate(OwnedName("lambdabench-test-"), "memory", "pids", "cpu")
		if filepath.Dir(dir) != own || len(passed) != 3 {
			t.Fatalf("groups are in %s with %v, want them in %s", dir, passed, own)
		}
		t.Cleanup(func() { Remove(dir) })
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
		if second, _ := again[0].delegate(OwnedName("lambdabench-test-"), "memory"); filepath.Dir(second) != own {
			t.Errorf("a second time: %s", second)
		} else {
			Remove(second)
		}
		return
	}
	t.Skip("no version 2 group was delegated to this process (systemd: Delegate=yes)")
}
