package guest

import (
	"os"
	"runtime"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/lambdabench/lambdabench/runtime/unikernel/abi"
)

// This file fills struct msghdr and struct iovec (bits/socket.h, sendmsg(2),
// recvmsg(2)) by hand: package unix has no call that scatters without
// allocating, and this is on the path of every hot invocation.

// recv receives with the descriptor as it is: it blocks for at most patience
// before the first long wait, and not at all afterwards. Alone, it asks again
// and again at first, see spin.
func (c *Channel) recv(p []byte) (int, error) {
	c.use.RLock()
	defer c.use.RUnlock()
	if c.closed.Load() {
		return 0, os.ErrClosed
	}
	defer c.readers.Add(-1)
	if c.readers.Add(1) == 1 && runtime.GOMAXPROCS(0) > 1 {
		for begin := time.Now(); time.Since(begin) < spin; {
			if n, err := c.recvmsg(c.fd, p, unix.MSG_DONTWAIT); err != unix.EAGAIN {
				return n, err
			}
		}
	}
	return c.recvmsg(c.fd, p, 0)
}

// recvmsg also receives what a UC said that ended with messages unread: the first
// receive then yields ECONNRESET and nothing else (unix(7)).
func (c *Channel) recvmsg(fd int, p []byte, flags uintptr) (int, error) {
	c.iov[0].Base = &c.head[0]
	c.iov[0].SetLen(abi.MsgSize)
	i := 1
	if len(p) > 0 {
		c.iov[i].Base = &p[0]
		c.iov[i].SetLen(len(p))
		i++
	}
	if rest := (*c.spill)[:abi.MaxPayload-len(p)]; len(rest) > 0 {
		c.iov[i].Base = &rest[0]
		c.iov[i].SetLen(len(rest))
		i++
	}
	c.msg.Iov = &c.iov[0]
	c.msg.SetIovlen(i)
	n, _, errno := syscall.Syscall(unix.SYS_RECVMSG, uintptr(fd), uintptr(unsafe.Pointer(&c.msg)), flags)
	if errno == unix.ECONNRESET {
		c.reset = true
		n, _, errno = syscall.Syscall(unix.SYS_RECVMSG, uintptr(fd), uintptr(unsafe.Pointer(&c.msg)), flags)
	}
	if errno != 0 {
		return 0, errno
	}
	return int(n), nil
}

func (c *Channel) sendmsg(head, payload []byte) error {
	c.use.RLock()
	defer c.use.RUnlock()
	if c.closed.Load() {
		return os.ErrClosed
	}
	var iov [2]unix.Iovec
	var msg unix.Msghdr
	iov[0].Base = &head[0]
	iov[0].SetLen(len(head))
	n := 1
	if len(payload) > 0 {
		iov[1].Base = &payload[0]
		iov[1].SetLen(len(payload))
		n = 2
	}
	msg.Iov = &iov[0]
	msg.SetIovlen(n)
	_, _, errno := syscall.Syscall(unix.SYS_SENDMSG, uintptr(c.fd), uintptr(unsafe.Pointer(&msg)), unix.MSG_NOSIGNAL)
	if errno != 0 {
		return errno
	}
	return nil
}
