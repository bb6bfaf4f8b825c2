package unikernel

import (
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// hostPID is the UC's process as the platform's own namespace numbers it. The
// tender knows it by its number in the tender's.
func (s *sandbox) hostPID() (int, error) {
	files, _, err := s.stat()
	if err != nil {
		return 0, fmt.Errorf("find the process of a unikernel context: %w", err)
	}
	text, _, _ := strings.Cut(files[1], " ")
	inner, err := strconv.Atoi(text)
	if err != nil {
		return 0, fmt.Errorf("find the process of a unikernel context: stat: %w", err)
	}
	pid, err := translatePID(fmt.Sprintf("/proc/%d/ns/pid", s.backend.tender().cmd.Process.Pid), inner)
	if err != nil {
		return 0, fmt.Errorf("find the process of a unikernel context, %d in its namespace: %w", inner, err)
	}
	return pid, nil
}

// translatePID asks the kernel (ioctl_nsfs(2), Linux 6.11), or looks for it.
func translatePID(namespace string, inner int) (int, error) {
	ns, err := os.Open(namespace)
	if err != nil {
		return 0, err
	}
	defer ns.Close()
	pid, _, errno := unix.Syscall(unix.SYS_IOCTL, ns.Fd(), unix.NS_GET_TGID_FROM_PIDNS, uintptr(inner))
	switch errno {
	case 0:
		return int(pid), nil
	case unix.ENOTTY:
		return searchPID(namespace, inner)
	}
	return 0, errno
}

// searchPID looks through all processes for the one that has a number in a
// namespace: the last of NSpid in proc(5) status.
func searchPID(namespace string, inner int) (int, error) {
	want, err := os.Readlink(namespace)
	if err != nil {
		return 0, err
	}
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return 0, err
	}
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		if ns, err := os.Readlink("/proc/" + e.Name() + "/ns/pid"); err != nil || ns != want {
			continue
		}
		status, _ := os.ReadFile("/proc/" + e.Name() + "/status")
		for line := range strings.Lines(string(status)) {
			if f := strings.Fields(line); len(f) > 1 && f[0] == "NSpid:" && f[len(f)-1] == strconv.Itoa(inner) {
				return pid, nil
			}
		}
	}
	return 0, unix.ESRCH
}
