package unikernel

import (
	"errors"
	"fmt"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/lambdabench/lambdabench/runtime/isolation"
	"github.com/lambdabench/lambdabench/runtime/unikernel/abi"
)

// exitNote is what a UC said at its end, or what its zygote said in its place.
type exitNote struct {
	code   abi.ExitCode
	id     uint32
	memory bool
	why    string
}

func newExitNote(m abi.Msg, text []byte) *exitNote {
	return &exitNote{code: abi.ExitCode(m.Arg), id: m.ID, memory: m.Flags&abi.ExitFlagMemory != 0, why: string(text)}
}

// err is the note as an error. One of a UC that there never was wraps
// ErrNoProcess, if it is the number of processes that was met.
func (n *exitNote) err() error {
	if n.code != abi.ExitUnborn {
		return errors.New(n.why)
	}
	errno := syscall.Errno(n.id)
	if errno == unix.EAGAIN { // fork(2)
		return fmt.Errorf("fork: %w: %w", errno, ErrNoProcess)
	}
	return fmt.Errorf("fork: %w", isolation.Scarce(errno))
}

// lastWords is the reason why a packet could not be sent: if the other end is
// gone, what it said before.
func lastWords(fd int, err error) error {
	if !errors.Is(err, unix.EPIPE) && !errors.Is(err, unix.ECONNRESET) {
		return err
	}
	if note := nextNote(fd); note != nil {
		return note.err()
	}
	return err
}

// nextNote receives the packet that is there, and is nil if it is no note.
func nextNote(fd int) *exitNote {
	b := make([]byte, 512)
	n, right, err := recvPacket(fd, b)
	if right >= 0 {
		unix.Close(right)
	}
	if err != nil || n == 0 {
		return nil
	}
	return exitIn(b[:n])
}

// note is what a UC that is gone said at its end; nil while it lives. Where a write
// found it gone, nobody has read that yet.
func (c *channel) note() *exitNote {
	if note := c.end.Load(); note != nil {
		return note
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
	note := nextNote(c.fd)
	if note != nil {
		c.end.Store(note)
	}
	return note
}

// exitIn is the note that a packet is, nil if it is another.
func exitIn(packet []byte) *exitNote {
	m, err := abi.ParseMsg(packet, len(packet))
	if err != nil || m.Type != abi.Exit {
		return nil
	}
	return newExitNote(m, packet[abi.MsgSize:])
}
