package proxy

import (
	"context"
	"io"
	"net"
	"net/netip"
	"sync"
	"syscall"

	"github.com/lambdabench/lambdabench/runtime/unikernel/abi"
)

// conn is one connection of a guest. Neither side sends more than the other
// has given it credit for, so its buffers are bounded by abi.Window.
type conn struct {
	proxy *Proxy
	id    uint32

	mu     sync.Mutex
	wake   sync.Cond
	tcp    *net.TCPConn // guarded by mu, as all below
	credit int64        // bytes that the guest will take
	queue  []byte       // of the guest, not yet written
	fin    bool         // the guest's half ends after queue
	ended  bool
}

func newConn(p *Proxy, id uint32) *conn {
	c := &conn{proxy: p, id: id, credit: abi.Window}
	c.wake.L = &c.mu
	return c
}

// run dials, then carries bytes both ways until both halves have ended.
func (c *conn) run(to netip.AddrPort) {
	defer c.proxy.forget(c.id, c)
	ctx, cancel := context.WithTimeout(c.proxy.ctx, dialTimeout)
	defer cancel()
	var d net.Dialer
	stream, err := d.DialContext(ctx, "tcp", to.String())
	if err != nil {
		c.proxy.refuse(c.id, errnoOf(err))
		return
	}
	tcp := stream.(*net.TCPConn)
	defer tcp.Close()
	c.mu.Lock()
	c.tcp = tcp
	ended := c.ended
	c.mu.Unlock()
	local := abi.AppendAddr(nil, tcp.LocalAddr().(*net.TCPAddr).AddrPort())
	if ended || c.proxy.send(abi.Msg{Type: abi.Opened, ID: c.id, Len: uint32(len(local))}, local) != nil {
		return
	}
	c.proxy.work.Go(c.down)
	c.up()
}

// handle takes a message of the guest.
func (c *conn) handle(m abi.Msg, payload []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	defer c.wake.Broadcast()
	switch m.Type {
	case abi.Stream:
		if len(c.queue)+len(payload) > abi.Window || c.fin {
			c.reset(syscall.EPROTO) // more than its credit
			return
		}
		c.queue = append(c.queue, payload...)
	case abi.Credit:
		c.credit += int64(m.Arg)
		if c.credit > 1<<30 {
			c.reset(syscall.EPROTO)
		}
	case abi.Fin:
		c.fin = true
	case abi.Reset:
		// 0: closed in good order; what was sent before is still delivered.
		c.fin = true
		if m.Arg != 0 {
			c.stop()
		}
	}
}

// reset needs c.mu: it ends the connection and tells the guest.
func (c *conn) reset(why syscall.Errno) {
	if c.ended {
		return
	}
	c.stop()
	c.proxy.answer(abi.Msg{Type: abi.Reset, ID: c.id, Arg: uint32(why)})
}

// stop needs c.mu.
func (c *conn) stop() {
	c.ended = true
	if c.tcp != nil {
		_ = c.tcp.SetLinger(0)
		c.tcp.Close()
	}
	c.wake.Broadcast()
}

// end is stop from outside.
func (c *conn) end() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stop()
}

// up writes what the guest sent, and gives it credit for that.
func (c *conn) up() {
	for {
		c.mu.Lock()
		for len(c.queue) == 0 && !c.fin && !c.ended {
			c.wake.Wait()
		}
		p, fin := c.queue, c.fin
		c.queue = nil
		ended := c.ended
		c.mu.Unlock()
		if ended {
			return
		}
		if len(p) > 0 {
			if _, err := c.tcp.Write(p); err != nil {
				c.fail(err)
				return
			}
			if c.proxy.send(abi.Msg{Type: abi.Credit, ID: c.id, Arg: uint32(len(p))}, nil) != nil {
				c.end()
				return
			}
			continue
		}
		if fin {
			if err := c.tcp.CloseWrite(); err != nil {
				c.fail(err)
			}
			c.awaitDown()
			return
		}
	}
}

// awaitDown keeps the connection while the other half still delivers.
func (c *conn) awaitDown() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for !c.ended {
		c.wake.Wait()
	}
}

func (c *conn) fail(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.reset(errnoOf(err))
}

// down reads what the host sent, as much as the guest has given credit for.
func (c *conn) down() {
	buf := make([]byte, 32<<10)
	for {
		c.mu.Lock()
		for c.credit <= 0 && !c.ended {
			c.wake.Wait()
		}
		n, ended := min(int64(len(buf)), c.credit), c.ended
		c.mu.Unlock()
		if ended {
			return
		}
		got, err := c.tcp.Read(buf[:n])
		if got > 0 {
			c.mu.Lock()
			c.credit -= int64(got)
			c.mu.Unlock()
			if c.proxy.send(abi.Msg{Type: abi.Stream, ID: c.id, Len: uint32(got)}, buf[:got]) != nil {
				c.end()
				return
			}
		}
		if err == io.EOF {
			_ = c.proxy.send(abi.Msg{Type: abi.Fin, ID: c.id}, nil) // or it is gone
			c.finished()
			return
		}
		if err != nil {
			c.fail(err)
			return
		}
	}
}

// finished: the host's half has ended; the connection has when the guest's
// has as well.
func (c *conn) finished() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for !c.ended && !(c.fin && len(c.queue) == 0) {
		c.wake.Wait()
	}
	c.ended = true
	c.wake.Broadcast()
}
