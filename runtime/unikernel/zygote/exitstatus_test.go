package zygote

import (
	"strings"
	"syscall"
	"testing"
)

func TestWaitStatusIsTheLastFieldOfStat(t *testing.T) {
	rest := " Z" + strings.Repeat(" 0", 48) // fields 3 to 51
	for _, c := range []struct {
		stat   string
		status syscall.WaitStatus
	}{
		{"7 (a program) " + rest + " 768", 3 << 8},
		{"7 (not) the end) " + rest + " 31\n", syscall.WaitStatus(syscall.SIGSYS)},
	} {
		if got, err := waitStatus(c.stat); err != nil || got != c.status {
			t.Errorf("%q: %#x, %v, want %#x", c.stat, got, err, c.status)
		}
	}
	for _, stat := range []string{"", "7 (short) Z 1 2", "7 (x)" + rest + " no"} {
		if got, err := waitStatus(stat); err == nil {
			t.Errorf("%q: %#x", stat, got)
		}
	}
}
