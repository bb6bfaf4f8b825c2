package host

import (
	"os/exec"
	"testing"
	"time"
)

// spin has a shell use CPU time in a child of its own, which has ended when it returns.
func spin(t *testing.T) {
	t.Helper()
	const count = `sh -c 'i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done'; true`
	if err := exec.Command("/bin/sh", "-c", count).Run(); err != nil {
		t.Fatal(err)
	}
}

func TestTheCPUTimeOfARunCountsProcessesThatHaveEnded(t *testing.T) {
	group, err := JoinMemoryGroup()
	if err != nil {
		t.Logf("no group: %v", err)
	}
	defer group.Leave()
	for name, m := range map[string]CPUMeter{"group": {group}, "process tree": {}} {
		before, source, err := m.Read()
		if err != nil {
			t.Fatal(err)
		}
		if name == "group" && source == sourceTree {
			t.Logf("no group counts CPU time here")
		}
		begin := time.Now()
		spin(t)
		after, _, err := m.Read()
		if err != nil {
			t.Fatal(err)
		}
		// Under load the child gets a part of the time that passes.
		if used := after - before; used < 20*time.Millisecond || used > 2*time.Since(begin)+100*time.Millisecond {
			t.Errorf("%s: %v were used in %v by a child that has ended", name, used, time.Since(begin))
		}
	}
}

func TestARunAtRestIsSettled(t *testing.T) {
	if err := (CPUMeter{}).Settled(t.Context()); err != nil {
		t.Error(err)
	}
}
