package zygote

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"github.com/lambdabench/lambdabench/runtime/isolation"
	"github.com/lambdabench/lambdabench/runtime/unikernel/guest"
	"github.com/lambdabench/lambdabench/runtime/unikernel/snapshot"
)

// Zygote is a process of the tender that holds a snapshot mapped, or a language's
// file image alone, and forks children.
//
// A zygote is dead from its first unanswered order on: its process ended, or did
// not answer in time, and every further order is ErrGone. Its owner closes a dead
// zygote, which kills what is left of the process, and grows another.
type Zygote struct {
	Holds *snapshot.Layer // that is mapped; nil: the image alone. Set before others know the zygote

	tender    *tender
	imageSize uint64
	pool      pool
	orders    atomic.Int32 // under way, or waiting for their turn
	dead      atomic.Bool  // takes no further order

	self   Child   // this process, as a child of its parent
	parent *Zygote // nil for the root

	mu      sync.Mutex // held for one order and its reply
	fd      int        // control socket; guarded by mu
	scratch []byte     // mapping of the scratch file, for tables too large for a packet; guarded by mu
	closed  bool       // guarded by mu
	next    uint32     // the first place that was never given to a child; guarded by mu
	free    []uint32   // ids for places that were given back; guarded by mu
	buf     [128]byte  // guarded by mu
}

// tender is what all zygotes of one root share.
type tender struct {
	pid     int               // of the root, on the host
	machine [machineSize]byte // struct tc_machine, as the root said it
	losses  *Losses
}

// stopped reports whether another process stopped the root. The platform is the root's
// parent and alone is told (waitid(2)).
func (t *tender) stopped() bool {
	var info unix.Siginfo
	err := unix.Waitid(unix.P_PID, t.pid, &info, unix.WSTOPPED|unix.WNOHANG|unix.WNOWAIT, nil)
	return err == nil && info.Signo != 0
}

// orderTick is how long a system call on a control socket blocks at most. An
// order waits a number of ticks for its reply: a deadline that costs an order
// nothing. An order of a tender whose root was stopped waits for no further tick.
const orderTick = time.Second

// ticks bounds an order. Orders that read all pages of a UC, and the first reply
// of a new zygote, take seconds on a host where memory is short.
func ticks(op uint32) int {
	switch op {
	case opScan, opCopy, opFile, opZygote:
		return 60
	}
	return 10
}

func newZygote(fd int, t *tender) *Zygote {
	tv := unix.NsecToTimeval(int64(orderTick))
	// A socket that takes no time-out blocks until the process ends, no longer.
	_ = unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &tv)
	_ = unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_SNDTIMEO, &tv)
	return &Zygote{fd: fd, tender: t}
}

// Fork makes a spare. Fork does not wait for the process: the spare reads its
// order once it is there, and a fork that failed says so on the spare's channel.
func (z *Zygote) Fork() (Child, error) {
	ours, theirs, err := socketPair()
	if err != nil {
		return Child{}, isolation.Scarce(err)
	}
	defer unix.Close(theirs)
	z.mu.Lock()
	defer z.mu.Unlock()
	id := z.next
	if k := len(z.free); k > 0 {
		id, z.free = z.free[k-1], z.free[:k-1]
	} else if z.next++; z.next > MaxChildren {
		z.next--
		unix.Close(ours)
		return Child{}, fmt.Errorf("a zygote has %d children already", MaxChildren)
	}
	if err := z.send(order{op: opFork, id: id}, theirs); err != nil {
		z.free = append(z.free, id)
		unix.Close(ours)
		return Child{}, err
	}
	return Child{zygote: z, id: id, FD: ours}, nil
}

// nextID is the id of the next child in the place of another: an order with the
// id before reaches nobody (csrc/tender/control.h).
func nextID(id uint32) uint32 { return id + MaxChildren }

// kill ends a child and gives its place back. A reader of the child's channel
// sees its end when the child is gone.
func (z *Zygote) kill(id uint32) {
	z.mu.Lock()
	defer z.mu.Unlock()
	if z.send(order{op: opKill, id: id}) == nil {
		z.free = append(z.free, nextID(id))
	}
}

// send needs z.mu.
func (z *Zygote) send(o order, fds ...int) error {
	if z.dead.Load() {
		return ErrGone
	}
	packet := o.encode()
	err := sendPacket(z.fd, packet, fds...)
	for left := ticks(o.op); err == unix.EAGAIN && left > 1 && !z.tender.stopped(); left-- {
		err = sendPacket(z.fd, packet, fds...)
	}
	if err != nil {
		return z.fail(err)
	}
	return nil
}

// receive is the reply to an order with an operation. It needs z.mu, or a zygote
// that no other goroutine knows yet.
func (z *Zygote) receive(op uint32, p []byte) (k, right int, err error) {
	k, right, err = recvPacket(z.fd, p)
	for left := ticks(op); err == unix.EAGAIN && left > 1 && !z.dead.Load() && !z.tender.stopped(); left-- {
		k, right, err = recvPacket(z.fd, p)
	}
	if err == nil && k == 0 {
		err = io.EOF
	}
	if err != nil {
		return 0, -1, z.fail(err)
	}
	return k, right, nil
}

// call is an order whose reply is waited for.
type call struct {
	order
	put func(scratch []byte)                // fills scratch before the order is sent
	got func(scratch []byte, r reply) error // reads what the reply left in scratch
	fds []int                               // sent along
}

// do sends an order and waits for its reply. A caller whose context ends while it
// waits for its turn sends nothing; an order that was sent ends at its own
// deadline (see ticks). right is the descriptor that came with the reply, or -1.
func (z *Zygote) do(ctx context.Context, c call) (r reply, right int, err error) {
	z.orders.Add(1)
	defer z.orders.Add(-1)
	z.mu.Lock()
	defer z.mu.Unlock()
	if ctx.Err() != nil {
		return reply{}, -1, context.Cause(ctx)
	}
	if z.dead.Load() { // scratch may be unmapped
		return reply{}, -1, ErrGone
	}
	if c.put != nil {
		c.put(z.scratch)
	}
	if err := z.send(c.order, c.fds...); err != nil {
		return reply{}, -1, err
	}
	k, right, err := z.receive(c.op, z.buf[:])
	if err != nil {
		return reply{}, -1, err
	}
	if r, err = parseReply(z.buf[:k]); err == nil {
		err = r.answers(c.op, c.id)
	}
	if err != nil {
		return r, right, z.fail(err)
	}
	if err = refusal(c.op, r); err == nil && c.got != nil {
		err = c.got(z.scratch, r)
	}
	return r, right, err
}

// fail declares the zygote dead and returns why.
func (z *Zygote) fail(why error) error {
	switch {
	case errors.Is(why, unix.EAGAIN):
		why = errUnanswered
	case errors.Is(why, io.EOF), errors.Is(why, unix.EPIPE), errors.Is(why, unix.ECONNRESET):
		why = ErrEnded
	}
	if !z.dead.Swap(true) {
		z.tender.losses.Wake()
	}
	return fmt.Errorf("%w: %w", ErrGone, why)
}

// Dead reports whether the zygote was found dead.
func (z *Zygote) Dead() bool { return z.dead.Load() }

// Look finds a zygote dead whose process ended, and reports whether it is. A
// zygote that carries out an order is left to that order.
func (z *Zygote) Look() (dead bool) {
	if !z.dead.Load() && z.mu.TryLock() {
		if !z.closed && guest.HungUp(z.fd) {
			_ = z.fail(io.EOF)
		}
		z.mu.Unlock()
	}
	return z.dead.Load()
}

// Ping finds a zygote dead that answers no order. A zygote that carries out an
// order is left to that order.
func (z *Zygote) Ping() {
	if z.orders.Load() == 0 {
		_, _, _ = z.do(context.Background(), call{order: order{op: opWatch}}) // a failure is in z.dead
	}
}

// Close ends the zygote with all its children. It reports false if the zygote
// was closed before.
func (z *Zygote) Close() bool {
	z.mu.Lock()
	defer z.mu.Unlock()
	if z.closed {
		return false
	}
	z.closed = true
	z.dead.Store(true)
	for _, c := range z.pool.close() {
		unix.Close(c.FD)
	}
	unix.Close(z.fd)
	if z.scratch != nil {
		_ = unix.Munmap(z.scratch)
	}
	if z.parent != nil {
		z.parent.kill(z.self.id)
	}
	return true
}
