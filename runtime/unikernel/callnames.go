package unikernel

import (
	_ "embed"
	"fmt"
	"strconv"
	"strings"
)

// callTable are the system calls of x86-64 by number (asm/unistd_64.h). Numbers 335 to
// 423 are not used.
//
//go:embed callnames.txt
var callTable string

// callNames reads the table.
func callNames() map[uint32]string {
	names := map[uint32]string{}
	for line := range strings.Lines(callTable) {
		var number uint32
		var name string
		if _, err := fmt.Sscan(line, &number, &name); err == nil {
			names[number] = name
		}
	}
	return names
}

func callName(names map[uint32]string, n uint32) string {
	if name, ok := names[n]; ok {
		return name
	}
	return "syscall " + strconv.Itoa(int(n))
}
