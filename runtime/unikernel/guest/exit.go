package guest

import (
	"errors"
	"fmt"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/lambdabench/lambdabench/runtime/isolation"
	"github.com/lambdabench/lambdabench/runtime/unikernel/abi"
)

// ErrNoProcess says that the host lets the tender fork no further process.
var ErrNoProcess = fmt.Errorf("%w: kernel.pid_max, kernel.threads-max, pids.max of a cgroup or RLIMIT_NPROC is met: "+
	"raise it, or hold fewer sandboxes (`lambdabench doctor` shows what binds)", isolation.ErrNoProcess)

// Exit is how a UC ended, in its own words or in those of its zygote.
type Exit struct {
	Code   abi.ExitCode
	ID     uint32 // exit status, signal or errno, by the code
	Memory bool   // memory had been refused before
	Why    string
}

func newExit(m abi.Msg, text []byte) *Exit {
	return &Exit{Code: abi.ExitCode(m.Arg), ID: m.ID, Memory: m.Flags&abi.ExitFlagMemory != 0, Why: string(text)}
}

// ParseExit is the Exit that a packet of a channel is, nil for another packet.
func ParseExit(packet []byte) *Exit {
	m, err := abi.ParseMsg(packet, len(packet))
	if err != nil || m.Type != abi.Exit {
		return nil
	}
	return newExit(m, packet[abi.MsgSize:])
}

// Unborn reports whether the UC's process could not be forked. A zygote does not
// wait for a fork, so the failure is found when the UC is first used.
func (e *Exit) Unborn() bool { return e != nil && e.Code == abi.ExitUnborn }

// Err is the Exit as an error. The error of a UC that was not forked wraps
// ErrNoProcess where the number of processes is the cause.
func (e *Exit) Err() error {
	if !e.Unborn() {
		return errors.New(e.Why)
	}
	errno := syscall.Errno(e.ID)
	if errno == unix.EAGAIN { // fork(2)
		return fmt.Errorf("fork: %w: %w", errno, ErrNoProcess)
	}
	return fmt.Errorf("fork: %w", isolation.Scarce(errno))
}

// NextExit receives the packet that waits on a channel and is nil if that is no
// Exit.
func NextExit(fd int) *Exit {
	b := make([]byte, 512)
	for {
		switch n, _, err := unix.Recvfrom(fd, b, 0); {
		case err == unix.EINTR || err == unix.ECONNRESET: // ECONNRESET comes once, before what the UC said
		case err != nil || n == 0:
			return nil
		default:
			return ParseExit(b[:n])
		}
	}
}

// Exit is how the UC ended, nil while it lives. A write may find the end before
// any read does, so what waits on the channel is read here.
func (c *Channel) Exit() *Exit {
	if e := c.end.Load(); e != nil {
		return e
	}
	c.use.RLock()
	defer c.use.RUnlock()
	p := []unix.PollFd{{Fd: int32(c.fd)}}
	if c.closed.Load() {
		return nil
	}
	if n, err := unix.Poll(p, 0); n != 1 || err != nil || p[0].Revents&unix.POLLHUP == 0 {
		return nil
	}
	e := NextExit(c.fd)
	if e != nil {
		c.end.Store(e)
	}
	return e
}

// Said reports whether an Exit was received, without looking for one.
func (c *Channel) Said() bool { return c.end.Load() != nil }

// EndAs says how the UC ends in place of the UC, unless the UC has said so.
func (c *Channel) EndAs(e *Exit) { c.end.CompareAndSwap(nil, e) }
