package host

import (
	"errors"
	"fmt"
	"os"
	"syscall"
	"testing"

	"github.com/lambdabench/lambdabench/runtime/cgroup"
)

func TestGroupsOfKilledRunsAreRemovedAndThoseOfOthersAreNot(t *testing.T) {
	g, err := JoinMemoryGroup()
	if err != nil {
		t.Skipf("no memory cgroup can be made here: %v", err)
	}
	defer func() {
		if err := g.Leave(); err != nil {
			t.Error(err)
		}
	}()
	// Above the kernel's largest process id.
	killed, err := cgroup.New(fmt.Sprintf("%s%d-1-1", memoryGroupPrefix, 1<<22+1), cgroup.Memory)
	if err != nil {
		t.Fatal(err)
	}
	if err := killed.Child("sandbox").Make(); err != nil {
		t.Fatal(err)
	}
	again, err := JoinMemoryGroup()
	if err != nil {
		t.Fatal(err)
	}
	if err := again.Leave(); err != nil {
		t.Error(err)
	}
	for _, dir := range killed.Dirs() {
		if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("the group of a killed run is still there (%v)", err)
		}
	}
	for _, dir := range g.run.Dirs() {
		if _, err := os.Stat(dir); err != nil {
			t.Errorf("the group of a run that lives is gone: %v", err)
		}
	}
}

// A backend whose sandboxes have a session each gets no larger part of a busy host.
func TestTheRunIsInACPUGroupWhereThereIsOne(t *testing.T) {
	before := readLine("/proc/self/cgroup")
	g, err := JoinMemoryGroup()
	if err != nil {
		t.Skipf("no memory cgroup can be made here: %v", err)
	}
	if g.all.Has(cgroup.CPU) && autogroup("/") {
		t.Errorf("sessions share the processors, in %s", readLine("/proc/self/cgroup"))
	}
	if err := g.Leave(); err != nil {
		t.Error(err)
	}
	if after := readLine("/proc/self/cgroup"); after != before {
		t.Errorf("after the run this process is in %s, before in %s", after, before)
	}
}

func TestTheGroupIsChargedWithWhatThisProcessTakes(t *testing.T) {
	g, err := JoinMemoryGroup()
	if err != nil {
		t.Skipf("no memory cgroup can be made here: %v", err)
	}
	defer g.Leave()
	before, err := g.Usage()
	if err != nil {
		t.Fatal(err)
	}
	const size = 64 << 20
	// Not from Go's heap, which the race detector shadows.
	held, err := syscall.Mmap(-1, 0, size, syscall.PROT_READ|syscall.PROT_WRITE,
		syscall.MAP_PRIVATE|syscall.MAP_ANONYMOUS|syscall.MAP_POPULATE)
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Munmap(held)
	after, err := g.Usage()
	if err != nil {
		t.Fatal(err)
	}
	if grown := after - before; grown < size*9/10 || grown > size*3/2 {
		t.Errorf("the group grew by %d bytes, %d were taken", grown, size)
	}
}
