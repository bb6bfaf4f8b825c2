package main

import (
	"bytes"
	"fmt"
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

// terminal is the slave side of a new terminal of so many columns.
func terminal(t *testing.T, columns uint16) *os.File {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skipf("no terminals here: %v", err)
	}
	t.Cleanup(func() { master.Close() })
	n, err := unix.IoctlGetInt(int(master.Fd()), unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, 0)
	}
	if err == nil {
		err = unix.IoctlSetWinsize(int(master.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: columns})
	}
	if err != nil {
		t.Fatal(err)
	}
	slave, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skipf("no terminals here: %v", err)
	}
	t.Cleanup(func() { slave.Close() })
	return slave
}

func TestTablesAreAsWideAsTheTerminal(t *testing.T) {
	pipe, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer pipe.Close()
	defer w.Close()
	tty := terminal(t, 97)
	for _, c := range []struct {
		name, columns string
		wide          bool
		want          [3]int // terminal, pipe, buffer
	}{
		{"as it is", "", false, [3]int{97, 0, 0}},
		{"COLUMNS goes before", "132", false, [3]int{132, 132, 132}},
		{"COLUMNS that is no number", "many", false, [3]int{97, 0, 0}},
		{"COLUMNS too small", "7", false, [3]int{leastWidth, leastWidth, leastWidth}},
		{"--wide", "132", true, [3]int{0, 0, 0}},
	} {
		t.Setenv("COLUMNS", c.columns)
		got := [3]int{tableWidth(tty, c.wide), tableWidth(w, c.wide), tableWidth(new(bytes.Buffer), c.wide)}
		if got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
	t.Setenv("COLUMNS", "")
	if got := tableWidth(terminal(t, 0), false); got != 80 {
		t.Errorf("a terminal that does not tell: %d", got)
	}
}
