package zygote

import (
	"fmt"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/lambdabench/lambdabench/runtime/runtimetest"
)

func TestProcessIsFoundWithoutTheKernelsHelp(t *testing.T) {
	needTender(t)
	root, err := Start(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Stop()
	for range 2 {
		c, err := root.Fork()
		if err != nil {
			t.Fatal(err)
		}
		defer unix.Close(c.FD)
	}
	const inner = 3 // the root is 1
	namespace := fmt.Sprintf("/proc/%d/ns/pid", root.PID())
	var got int
	runtimetest.Eventually(t, "the second spare is there", func() bool {
		got, err = searchPID(namespace, inner)
		return err == nil
	})
	if want, err := translatePID(namespace, inner); err != nil || got != want || got == inner {
		t.Errorf("process %d inside is %d by search, %d by the kernel (%v)", inner, got, want, err)
	}
}

func TestStatIsReadFromTheFilesOfProc(t *testing.T) {
	s, err := parseStat("1500 2 3\n", "42 (tender) S 1", "Name:\ttender\nRssAnon:\t   12 kB\nVmPTE:\t    4 kB\n")
	if err != nil || s.CPU != 1500 || s.inner != 42 || s.Memory != 16<<10 {
		t.Errorf("%+v, %v", s, err)
	}
	if _, err := parseStat("x", "42", ""); err == nil {
		t.Error("no number is accepted for one")
	}
}
