// Package guest is the platform's end of one UC: the bytes of the driver, the
// files of a function, what a UC says by itself, and how it ended.
package guest

import (
	"fmt"
	"io"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"github.com/lambdabench/lambdabench/runtime/driver"
	"github.com/lambdabench/lambdabench/runtime/unikernel/abi"
	"github.com/lambdabench/lambdabench/runtime/unikernel/snapshot"
)

// patience is how long a read waits in the kernel before it goes through Go's
// poller. A hot call is answered within it, and then costs one system call
// and no hop between goroutines; a long wait holds no thread.
const patience = 2 * time.Millisecond

// spin is how long a read asks without sleeping, while it is the backend's only
// one: to wake a thread on a processor that idles costs as much as a hot call.
const spin = 60 * time.Microsecond

// Channel is the platform's end of a UC's channel: a driver.Stream of the bytes
// that Data messages carry. One goroutine reads at a time; any may write. All
// other messages go to the peer.
type Channel struct {
	peer    Peer
	readers *atomic.Int32 // reads of the backend's channels that are in the kernel

	use    sync.RWMutex // held for reading while fd is used, so that fd is not closed and given to another file
	fd     int          // guarded by use
	closed atomic.Bool
	making sync.Mutex
	file   atomic.Pointer[os.File] // over fd, with Go's poller; from the first long wait on

	deadline atomic.Int64 // nanoseconds since 1970; 0: none
	end      atomic.Pointer[Exit]
	unasked  atomic.Bool // the UC was sent a message that no call asked for; the unread message may be that one

	// The rest is the reader's, or of whoever excludes readers.
	code  driver.Code   // sent before the driver's next bytes
	pins  snapshot.Pins // of the pages that the UC still copies; until its first message
	reset bool          // the UC ended with messages unread

	left  []byte  // of the last packet, not yet read
	spill *[]byte // the buffer that left lies in
	head  [abi.MsgSize]byte
	iov   [3]unix.Iovec
	msg   unix.Msghdr
}

// Peer takes the messages that are not the driver's.
type Peer interface {
	Console(stream uint32, text []byte)
	Network(m abi.Msg, payload []byte)
}

// spills are packet buffers for bytes that do not fit where the reader wants them.
var spills = sync.Pool{New: func() any { b := make([]byte, abi.MaxPayload); return &b }}

// NewChannel makes the channel of a UC whose socket is fd. pins are released at
// the UC's first message. readers counts the reads of all channels that share a
// processor.
func NewChannel(fd int, p Peer, readers *atomic.Int32, pins snapshot.Pins) *Channel {
	tv := unix.NsecToTimeval(int64(patience))
	// Without the time-out, waits would hold a thread; nothing else changes.
	_ = unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &tv)
	_ = unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_SNDTIMEO, &tv)
	return &Channel{fd: fd, peer: p, readers: readers, pins: pins}
}

// SetDeadline bounds Read and Write, those under way included.
func (c *Channel) SetDeadline(t time.Time) error {
	ns := int64(0)
	if !t.IsZero() {
		ns = max(t.UnixNano(), 1)
	}
	c.deadline.Store(ns)
	if f := c.file.Load(); f != nil {
		return f.SetDeadline(t)
	}
	return nil
}

func (c *Channel) late() bool {
	d := c.deadline.Load()
	return d != 0 && time.Now().UnixNano() >= d
}

// Read returns bytes of the driver's stream. The end of the UC is io.EOF, or
// ECONNRESET if the UC has not read all that the driver was sent; Exit then says
// how the UC ended.
func (c *Channel) Read(p []byte) (int, error) {
	for {
		if len(c.left) > 0 {
			n := copy(p, c.left)
			if c.left = c.left[n:]; len(c.left) == 0 {
				c.release()
			}
			return n, nil
		}
		m, n, err := c.packet(p)
		if err != nil {
			return 0, err
		}
		if m.Type == abi.Data {
			if int(m.Len) > n {
				c.left = (*c.spill)[:int(m.Len)-n]
			} else {
				c.release()
			}
			if n > 0 {
				return n, nil
			}
			continue
		}
		payload := append(append([]byte(nil), p[:n]...), (*c.spill)[:int(m.Len)-n]...)
		c.release()
		c.other(m, payload)
	}
}

func (c *Channel) release() {
	if c.spill != nil {
		spills.Put(c.spill)
		c.spill, c.left = nil, nil
	}
}

func (c *Channel) other(m abi.Msg, payload []byte) {
	switch m.Type {
	case abi.Exit:
		c.end.Store(newExit(m, payload))
	case abi.Console:
		c.peer.Console(m.ID, payload)
	default:
		c.peer.Network(m, payload)
	}
}

// packet receives one packet: as much of its payload as fits into p, the rest
// into the spill.
func (c *Channel) packet(p []byte) (m abi.Msg, n int, err error) {
	if c.spill == nil {
		c.spill = spills.Get().(*[]byte)
	}
	p = p[:min(len(p), abi.MaxPayload)]
	for {
		got, err := c.recv(p)
		switch {
		case err == unix.EINTR:
			continue
		case err == unix.EAGAIN:
			if c.late() {
				c.release()
				return m, 0, os.ErrDeadlineExceeded
			}
			if got, err = c.recvLater(p); err != nil {
				c.release()
				return m, 0, err
			}
		case err != nil:
			c.release()
			return m, 0, err
		}
		if got == 0 {
			c.release()
			if c.reset && !c.unasked.Load() {
				return m, 0, unix.ECONNRESET // the end of a stream that was not read to its end
			}
			return m, 0, io.EOF
		}
		if c.pins != nil {
			c.pins.Release()
			c.pins = nil
		}
		m, err = abi.ParseMsg(c.head[:], got)
		if err != nil {
			c.release()
			return m, 0, fmt.Errorf("%w: %w", driver.ErrProtocol, err)
		}
		return m, min(int(m.Len), len(p)), nil
	}
}

// recvLater waits with Go's poller.
func (c *Channel) recvLater(p []byte) (n int, err error) {
	f, err := c.polled()
	if err != nil {
		return 0, err
	}
	raw, err := f.SyscallConn()
	if err != nil {
		return 0, os.ErrClosed
	}
	var inner error
	err = raw.Read(func(fd uintptr) bool {
		for {
			n, inner = c.recvmsg(int(fd), p, 0)
			if inner != unix.EINTR {
				return inner != unix.EAGAIN
			}
		}
	})
	if err != nil {
		return 0, err
	}
	return n, inner
}

// polled makes the file over the descriptor, once.
func (c *Channel) polled() (*os.File, error) {
	if f := c.file.Load(); f != nil {
		return f, nil
	}
	c.use.RLock()
	defer c.use.RUnlock()
	c.making.Lock()
	defer c.making.Unlock()
	if c.closed.Load() {
		return nil, os.ErrClosed
	}
	if f := c.file.Load(); f != nil {
		return f, nil
	}
	if err := unix.SetNonblock(c.fd, true); err != nil {
		return nil, err
	}
	f := os.NewFile(uintptr(c.fd), "channel")
	c.file.Store(f)
	if d := c.deadline.Load(); d != 0 {
		// A deadline that cannot be set is found by the next late().
		_ = f.SetDeadline(time.Unix(0, d))
	}
	return f, nil
}

// Write sends bytes to the driver's stream.
func (c *Channel) Write(p []byte) (int, error) {
	ahead, err := c.writeFiles(len(p))
	if err != nil {
		return 0, err
	}
	sent := 0
	for first := true; first || len(p) > 0; first = false {
		k := min(len(p), abi.MaxPayload)
		var head [abi.MsgSize]byte
		abi.Msg{Type: abi.Data, Len: uint32(k)}.Put(head[:])
		if err := c.sendPacket(append(ahead, head[:]...), p[:k]); err != nil {
			return sent, err
		}
		sent, p, ahead = sent+k, p[k:], nil
	}
	return sent, nil
}

// Send sends one message. It waits while the UC does not read.
func (c *Channel) Send(m abi.Msg, payload []byte) error {
	var head [abi.MsgSize]byte
	m.Put(head[:])
	return c.sendPacket(head[:], payload)
}

// SendUnasked sends a message that no call asked for.
func (c *Channel) SendUnasked(m abi.Msg, payload []byte) error {
	c.unasked.Store(true)
	return c.Send(m, payload)
}

func (c *Channel) sendPacket(head, payload []byte) error {
	for {
		err := c.sendmsg(head, payload)
		switch err {
		case nil:
			return nil
		case unix.EINTR:
			continue
		case unix.EAGAIN:
			if c.late() {
				return os.ErrDeadlineExceeded
			}
			if err := c.waitOut(); err != nil {
				return err
			}
		default:
			return err
		}
	}
}

func (c *Channel) waitOut() error {
	f, err := c.polled()
	if err != nil {
		return err
	}
	raw, err := f.SyscallConn()
	if err != nil {
		return os.ErrClosed
	}
	tried := false
	return raw.Write(func(uintptr) bool {
		done := tried
		tried = true
		return done
	})
}
