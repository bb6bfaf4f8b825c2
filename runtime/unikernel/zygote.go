package unikernel

import (
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"github.com/lambdabench/lambdabench/runtime/isolation"
)

// zygote is a process of the tender that holds a prefix of a snapshot stack
// mapped and forks spares from it.
//
// A zygote is dead from its first unanswered order on: its process ended, or did
// not answer in time, and every further order is ErrTenderGone. Backend.supervise
// owns all zygotes: it closes dead ones, which kills what is left of the process,
// and grows others in their place.
type zygote struct {
	fd        int // control socket
	imageSize uint64
	scratch   []byte // mapping of the scratch file: tables too large for a packet
	pool      pool
	orders    atomic.Int32 // under way, or waiting to be
	dead      atomic.Bool  // takes no further order; set with mu held
	holds     *snap        // the snapshot that it has mapped; nil: the image alone
	super     *supervisor

	mu     sync.Mutex // one order and its reply at a time
	closed bool
	next   uint32
	free   []uint32 // ids for places that were given back
	buf    [128]byte

	self spare
	from *zygote
}

// spare is a fork that waits for its order on its channel.
type spare struct {
	zygote *zygote
	id     uint32
	fd     int // our end of its channel

	told *runOrder // of one that was reset: what it takes itself for, unless it is told otherwise
	ran  tenancy   // of one that was reset: its past
}

// wasReset reports whether it served before, so its order goes to the zygote, see reset.go.
func (uc spare) wasReset() bool { return uc.told != nil }

// orderTick is how long a system call on a control socket blocks at most. An
// order waits a number of ticks for its reply: a deadline that costs an order
// nothing.
const orderTick = time.Second

// ticks bounds an order. Those that read all pages of a UC, and the first reply
// of a new zygote, take seconds on a host where memory is short.
func ticks(op uint32) int {
	switch op {
	case opScan, opCopy, opFile, opZygote:
		return 60
	}
	return 10
}

func newZygote(fd int) *zygote {
	tv := unix.NsecToTimeval(int64(orderTick))
	// A socket that takes no time-out blocks until the process ends, no longer.
	_ = unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &tv)
	_ = unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_SNDTIMEO, &tv)
	return &zygote{fd: fd}
}

// fork asks for a spare. It does not wait: the spare reads its order when it
// is there, and a fork that failed says so on the channel.
func (n *zygote) fork() (spare, error) {
	ours, theirs, err := socketPair()
	if err != nil {
		return spare{}, isolation.Scarce(err)
	}
	defer unix.Close(theirs)
	n.mu.Lock()
	defer n.mu.Unlock()
	id := n.next
	if k := len(n.free); k > 0 {
		id, n.free = n.free[k-1], n.free[:k-1]
	} else if n.next++; n.next > maxChildren {
		n.next--
		unix.Close(ours)
		return spare{}, fmt.Errorf("a zygote has %d children already", maxChildren)
	}
	if err := n.send(order{op: opFork, id: id}, theirs); err != nil {
		n.free = append(n.free, id)
		unix.Close(ours)
		return spare{}, err
	}
	return spare{zygote: n, id: id, fd: ours}, nil
}

// send needs n.mu.
func (n *zygote) send(o order, fds ...int) error {
	if n.dead.Load() {
		return ErrTenderGone
	}
	packet := o.encode()
	err := sendPacket(n.fd, packet, fds...)
	for left := ticks(o.op); err == unix.EAGAIN && left > 1; left-- {
		err = sendPacket(n.fd, packet, fds...)
	}
	if err != nil {
		return n.fail(err)
	}
	return nil
}

// receive is the reply to an order with an operation. It needs n.mu, or a zygote
// that nobody else knows yet.
func (n *zygote) receive(op uint32, p []byte) (k, right int, err error) {
	k, right, err = recvPacket(n.fd, p)
	for left := ticks(op); err == unix.EAGAIN && left > 1 && !n.dead.Load(); left-- {
		k, right, err = recvPacket(n.fd, p)
	}
	if err == nil && k == 0 {
		err = io.EOF
	}
	if err != nil {
		return 0, -1, n.fail(err)
	}
	return k, right, nil
}

// fail declares the zygote dead and returns why.
func (n *zygote) fail(why error) error {
	switch {
	case errors.Is(why, unix.EAGAIN):
		why = errUnanswered
	case errors.Is(why, io.EOF), errors.Is(why, unix.EPIPE), errors.Is(why, unix.ECONNRESET):
		why = errProcessEnded
	}
	if !n.dead.Swap(true) {
		n.super.wake()
	}
	return fmt.Errorf("%w: %w", ErrTenderGone, why)
}

// look finds a zygote dead whose process ended. A zygote that carries out an order is
// left to that order.
func (n *zygote) look() {
	if n.dead.Load() || !n.mu.TryLock() {
		return
	}
	defer n.mu.Unlock()
	if !n.closed && hungUp(n.fd) {
		n.fail(io.EOF)
	}
}

// ping finds a zygote dead that answers no order. A zygote that carries out an order is
// left to that order.
func (n *zygote) ping() {
	if n.orders.Load() == 0 {
		_, _, _ = n.ask(order{op: opWatch}, nil) // a failure is in n.dead
	}
}

// nextID is the id of the next child in the place of another: an order with the
// id before it no longer reaches anybody (csrc/tender/control.h).
func nextID(id uint32) uint32 { return id + maxChildren }

// forget kills a child and gives its place back. What waits on the channel sees
// its end when the child is gone.
func (n *zygote) forget(id uint32) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.send(order{op: opKill, id: id}) == nil {
		n.free = append(n.free, nextID(id))
	}
}

// ask sends an order and waits for its reply; got, if not nil, then reads what
// the reply left in scratch. An errno of the reply is the error. The descriptor
// that came with the reply is -1 for none.
func (n *zygote) ask(o order, got func(reply) error, fds ...int) (reply, int, error) {
	return n.askWith(o, nil, got, fds...)
}

// askWith is ask with something put into scratch first.
func (n *zygote) askWith(o order, put func(scratch []byte), got func(reply) error, fds ...int) (reply, int, error) {
	n.orders.Add(1)
	defer n.orders.Add(-1)
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.dead.Load() { // its scratch may be unmapped
		return reply{}, -1, ErrTenderGone
	}
	if put != nil {
		put(n.scratch)
	}
	if err := n.send(o, fds...); err != nil {
		return reply{}, -1, err
	}
	k, right, err := n.receive(o.op, n.buf[:])
	if err != nil {
		return reply{}, -1, err
	}
	r, err := parseReply(n.buf[:k])
	if err == nil && (r.op != o.op || r.id != o.id) {
		err = fmt.Errorf("tender: reply to order %d where one to %d was due", r.op, o.op)
	}
	switch {
	case err != nil:
		err = n.fail(err)
	case r.err != 0:
		err = r.err
	case got != nil:
		err = got(r)
	}
	return r, right, err
}

// close lets go of the zygote, which then ends with all its children. Its parent
// kills it.
func (n *zygote) close() {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closed {
		return
	}
	n.closed = true
	n.dead.Store(true)
	for _, uc := range n.pool.close() {
		unix.Close(uc.fd)
	}
	unix.Close(n.fd)
	if n.scratch != nil {
		unix.Munmap(n.scratch)
	}
	if n.from != nil {
		n.from.forget(n.self.id)
	}
}

// grow makes a zygote: a fork of n that lays layers and takes orders.
func (n *zygote) grow(image *os.File, arena int, layers []layer, files []*os.File) (*zygote, error) {
	size := n.imageSize
	if image != nil {
		st, err := image.Stat()
		if err != nil {
			return nil, err
		}
		size = uint64(st.Size())
	}
	b, err := n.fork()
	if err != nil {
		return nil, err
	}
	child := newZygote(b.fd)
	child.self, child.from, child.imageSize, child.super = b, n, size, n.super
	scratch, err := memFile("scratch", nil, 0)
	if err == nil {
		defer scratch.Close()
		err = scratch.Truncate(scratchSize)
	}
	if err == nil {
		child.scratch, err = unix.Mmap(int(scratch.Fd()), 0, scratchSize, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	}
	if err == nil {
		err = child.become(image, arena, int(scratch.Fd()), layers, files)
	}
	if err != nil {
		child.close()
		n.ping() // it may be the one that does not answer
		return nil, fmt.Errorf("grow a zygote: %w", err)
	}
	return child, nil
}

func (n *zygote) become(image *os.File, arena, scratch int, layers []layer, files []*os.File) error {
	r := runOrder{op: opZygote, imageSize: n.imageSize, layers: layers}
	fds := []int{int(image.Fd()), arena, scratch}
	for _, f := range files {
		fds = append(fds, int(f.Fd()))
	}
	if err := sendRun(n.fd, &r, fds...); err != nil {
		return err
	}
	b := make([]byte, 512)
	k, _, err := n.receive(opZygote, b)
	if err != nil {
		return err
	}
	if note := exitIn(b[:k]); note != nil {
		return note.err()
	}
	rep, err := parseReply(b[:k])
	if err == nil && rep.op != opZygote {
		err = fmt.Errorf("tender: reply to order %d where one to %d was due", rep.op, opZygote)
	}
	return err
}

// sendRun sends an order to a spare. Its error is what the spare said at its
// end, or the zygote that could not fork it.
func sendRun(fd int, r *runOrder, fds ...int) error {
	packet, spilled := r.encode()
	if spilled != nil {
		f, err := memFile("order", spilled, 0)
		if err != nil {
			return err
		}
		defer f.Close()
		fds = append(fds, int(f.Fd()))
	}
	if err := sendPacket(fd, packet, fds...); err != nil {
		return lastWords(fd, err)
	}
	return nil
}
