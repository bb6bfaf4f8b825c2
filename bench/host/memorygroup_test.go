package host

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
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
	killed := filepath.Join(g.parent, memoryGroupPrefix+strconv.Itoa(1<<22+1)) // above the kernel's largest process id
	if err := errors.Join(os.Mkdir(killed, 0o755), os.Mkdir(filepath.Join(killed, "sandbox"), 0o755)); err != nil {
		t.Fatal(err)
	}
	removeStale(g.parent)
	if _, err := os.Stat(killed); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the group of a killed run is still there (%v)", err)
	}
	if _, err := os.Stat(g.dir); err != nil {
		t.Errorf("the group of a run that lives is gone: %v", err)
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
	held, err := syscall.Mmap(-1, 0, size, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_PRIVATE|syscall.MAP_ANONYMOUS|syscall.MAP_POPULATE)
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
