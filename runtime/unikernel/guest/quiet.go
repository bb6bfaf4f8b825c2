package guest

import (
	"bytes"
	"time"

	"golang.org/x/sys/unix"

	"github.com/lambdabench/lambdabench/runtime/unikernel/abi"
)

// killTime bounds the wait for the end of a UC that was killed. A process that is
// frozen dies later.
const killTime = 10 * time.Second

// HungUp reports whether the other end of a socket is gone. What was sent before
// can still be received.
func HungUp(fd int) bool {
	p := []unix.PollFd{{Fd: int32(fd)}}
	n, err := unix.Poll(p, 0)
	return err == nil && n == 1 && p[0].Revents&(unix.POLLHUP|unix.POLLERR) != 0
}

// Ended reports whether the UC is gone.
func (c *Channel) Ended() bool {
	c.use.RLock()
	defer c.use.RUnlock()
	return c.closed.Load() || HungUp(c.fd)
}

// AwaitEnd waits until the UC, which was killed, is gone: its memory is given
// back before its end of the channel is closed.
func (c *Channel) AwaitEnd() {
	c.use.RLock()
	defer c.use.RUnlock()
	if c.closed.Load() {
		return
	}
	for until := time.Now().Add(killTime); time.Now().Before(until); {
		p := []unix.PollFd{{Fd: int32(c.fd), Events: unix.POLLRDHUP}}
		if _, err := unix.Poll(p, 1000); err != unix.EINTR && p[0].Revents != 0 {
			return
		}
	}
}

// Shut ends the channel, and so the UC. A reader returns at once. The method is
// not called Close: a session must not close a channel whose end is awaited.
func (c *Channel) Shut() error {
	if c.closed.Swap(true) {
		return nil
	}
	c.making.Lock()
	f := c.file.Load()
	c.making.Unlock()
	if f != nil {
		return f.Close()
	}
	// A goroutine that waits in the kernel returns; only then is the descriptor closed.
	_ = unix.Shutdown(c.fd, unix.SHUT_RDWR)
	c.use.Lock()
	defer c.use.Unlock()
	return unix.Close(c.fd)
}

// DropPins releases what a UC that never spoke still holds. No reader is left.
func (c *Channel) DropPins() {
	c.use.Lock()
	defer c.use.Unlock()
	c.pins.Release()
	c.pins = nil
}

// Copying reports whether the UC may still copy pages of its snapshot. Readers
// are excluded.
func (c *Channel) Copying() bool { return c.pins != nil }

// Delivered reports whether the UC has read all that was sent to it: SIOCOUTQ of unix(7)
// counts a message until its reader has it.
func (c *Channel) Delivered() bool {
	if !c.use.TryRLock() { // the channel is being closed, which may wait for the end of the UC
		return false
	}
	defer c.use.RUnlock()
	if c.closed.Load() {
		return false
	}
	n, err := unix.IoctlGetInt(c.fd, unix.SIOCOUTQ)
	return err == nil && n == 0
}

// Quiet reports whether no message of the UC is unread. Readers are excluded.
func (c *Channel) Quiet() bool {
	p := []unix.PollFd{{Fd: int32(c.fd), Events: unix.POLLIN}}
	n, err := unix.Poll(p, 0)
	return err == nil && n == 0 && len(c.left) == 0
}

// maxHeard bounds the messages that Hear receives: a UC that sends without end
// is not quiet.
const maxHeard = 1024

// Hear hands the messages that wait to the peer, up to the first of the driver or
// the last of the UC. It reports whether no message is left. Readers are excluded.
func (c *Channel) Hear() bool {
	c.use.RLock()
	defer c.use.RUnlock()
	var b []byte
	for range maxHeard {
		if c.closed.Load() {
			return false
		}
		var head [abi.MsgSize]byte
		n, _, err := unix.Recvfrom(c.fd, head[:], unix.MSG_PEEK|unix.MSG_DONTWAIT|unix.MSG_TRUNC)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return err == unix.EAGAIN
		}
		m, err := abi.ParseMsg(head[:], n)
		if err != nil || m.Type == abi.Data || m.Type == abi.Exit {
			return false
		}
		if b == nil {
			b = make([]byte, abi.MsgSize+abi.MaxPayload)
		}
		if _, _, err := unix.Recvfrom(c.fd, b, unix.MSG_DONTWAIT); err != nil {
			return false
		}
		c.other(m, bytes.Clone(b[abi.MsgSize:n]))
	}
	return false
}

// Detach takes the socket out of a channel that nobody uses, and drains it: the
// UC, which was reset, says nothing further. It reports false where the UC has
// ended or the channel is in use; the socket is then closed or stays.
func (c *Channel) Detach() (fd int, ok bool) {
	c.use.Lock()
	defer c.use.Unlock()
	if c.closed.Load() || len(c.left) > 0 || c.pins != nil {
		return -1, false
	}
	fd = c.fd
	if f := c.file.Swap(nil); f != nil {
		dup, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 3)
		f.Close()
		if err != nil {
			c.closed.Store(true)
			return -1, false
		}
		// As it was before the first long wait.
		_ = unix.SetNonblock(dup, false)
		fd = dup
	}
	c.fd = -1
	c.closed.Store(true)
	if !drained(fd) {
		unix.Close(fd)
		return -1, false
	}
	return fd, true
}

// drained reports false at the end of the UC.
func drained(fd int) bool {
	var b [1]byte
	for {
		switch n, _, err := unix.Recvfrom(fd, b[:], unix.MSG_DONTWAIT|unix.MSG_TRUNC); {
		case err == unix.EINTR:
		case err == unix.EAGAIN:
			return true
		case err != nil || n == 0:
			return false
		}
	}
}
