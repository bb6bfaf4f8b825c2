package container

import (
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// pidfd refers to one process of the host, also after its number was given to
// another (pidfd_open(2)). It becomes readable when the process ends.
type pidfd int

func openPID(pid int) (pidfd, error) {
	fd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return -1, fmt.Errorf("open process %d: %w", pid, err)
	}
	return pidfd(fd), nil
}

func (p pidfd) kill() error {
	if err := unix.PidfdSendSignal(int(p), unix.SIGKILL, nil, 0); err != nil && !errors.Is(err, unix.ESRCH) {
		return fmt.Errorf("kill: %w", err)
	}
	return nil
}

// ended waits for the end of the process, for the time given at most.
func (p pidfd) ended(within time.Duration) bool {
	for deadline := time.Now().Add(within); ; {
		left := max(0, time.Until(deadline).Milliseconds())
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(p), Events: unix.POLLIN}}, int(left))
		if !errors.Is(err, unix.EINTR) {
			return err == nil && n > 0
		}
	}
}

func (p pidfd) close() error { return unix.Close(int(p)) }
