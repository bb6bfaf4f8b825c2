package surface

import (
	"errors"
	"fmt"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// seccompFilters reads the filters of a process from the kernel, ptrace(2)
// PTRACE_SECCOMP_GET_FILTER, the newest first. The process is stopped for that
// moment. It takes CAP_SYS_ADMIN.
func seccompFilters(pid int) (filters [][]instruction, err error) {
	runtime.LockOSThread() // a tracer is a thread
	defer runtime.UnlockOSThread()
	if err := unix.PtraceSeize(pid); err != nil {
		return nil, fmt.Errorf("trace process %d: %w", pid, err)
	}
	if err := unix.PtraceInterrupt(pid); err != nil {
		return nil, errors.Join(fmt.Errorf("stop process %d: %w", pid, err), unix.PtraceDetach(pid))
	}
	defer func() { err = errors.Join(err, unix.PtraceDetach(pid)) }()
	var ws unix.WaitStatus
	if _, err := unix.Wait4(pid, &ws, unix.WALL, nil); err != nil {
		return nil, fmt.Errorf("wait for process %d: %w", pid, err)
	}
	for i := 0; ; i++ {
		n, err := getFilter(pid, i, nil)
		if errors.Is(err, unix.ENOENT) || i == 0 && errors.Is(err, unix.EINVAL) { // no further one; none at all
			return filters, nil
		}
		if err == nil && n > 0 {
			f := make([]instruction, n)
			if _, err = getFilter(pid, i, f); err == nil {
				filters = append(filters, f)
				continue
			}
		}
		return nil, fmt.Errorf("read seccomp filter of process %d: %w", pid, err)
	}
}

// getFilter fills into, an array of struct sock_filter (linux/filter.h), and
// returns the filter's length.
func getFilter(pid, index int, into []instruction) (int, error) {
	n, _, errno := unix.Syscall6(unix.SYS_PTRACE, unix.PTRACE_SECCOMP_GET_FILTER, uintptr(pid), uintptr(index),
		uintptr(unsafe.Pointer(unsafe.SliceData(into))), 0, 0)
	if errno != 0 {
		return 0, errno
	}
	return int(n), nil
}
