package zygote

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"syscall"
)

// WaitStatus is how the child's process ended, as wait(2) says it. The process
// must have ended: its zygote keeps it as a zombie until Kill.
func (c Child) WaitStatus(ctx context.Context) (status syscall.WaitStatus, err error) {
	_, err = c.ask(ctx, order{op: opStat}, nil, func(scratch []byte, r reply) error {
		files := strings.Split(string(scratch[:r.n]), "\x00")
		if len(files) < 3 {
			return fmt.Errorf("%d files instead of 3", len(files))
		}
		status, err = waitStatus(files[1])
		return err
	})
	return status, err
}

// waitStatus reads exit_code, field 52 of /proc/PID/stat (proc(5)). Field 2, the
// program's name in brackets, may hold spaces.
func waitStatus(stat string) (syscall.WaitStatus, error) {
	const exitCode, afterName = 52, 3
	fields := strings.Fields(stat[strings.LastIndexByte(stat, ')')+1:])
	if len(fields) <= exitCode-afterName {
		return 0, fmt.Errorf("stat: no exit status in %q", stat)
	}
	status, err := strconv.ParseUint(fields[exitCode-afterName], 10, 32)
	if err != nil {
		return 0, fmt.Errorf("stat: exit status: %w", err)
	}
	return syscall.WaitStatus(status), nil
}
