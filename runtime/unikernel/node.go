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

// node is a process of the tender that holds a prefix of a snapshot stack
// mapped and forks blanks from it.
//
// A node is dead from its first unanswered order on: its process ended, or did
// not answer in time, and every further order is ErrTenderGone. Backend.supervise
// owns all nodes: it closes dead ones, which kills what is left of the process,
// and grows others in their place.
type node struct {
	fd        int // control socket
	imageSize uint64
	scratch   []byte // mapping of the scratch file: tables too large for a packet
	stock     stock
	orders    atomic.Int32 // under way, or waiting to be
	dead      atomic.Bool  // takes no further order; set with mu held
	holds     *snap        // the snapshot that it has mapped; nil: the image alone
	super     *supervisor

	mu     sync.Mutex // one order and its reply at a time
	closed bool
	next   uint32
	free   []uint32 // ids for places that were given back
	buf    [128]byte

	self blank
	from *node
}

// blank is a fork that waits for its order on its channel.
type blank struct {
	node *node
	id   uint32
	fd   int // our end of its channel

	told *runOrder // of one that was renewed: what it takes itself for, unless it is told otherwise
	ran  tenancy   // of one that was renewed: its past
}

// renewed: it served before, so its order goes to the node, see renew.go.
func (uc blank) renewed() bool { return uc.told != nil }

// orderTick is how long a system call on a control socket blocks at most. An
// order waits a number of ticks for its reply: a deadline that costs an order
// nothing.
const orderTick = time.Second

// ticks bounds an order. Those that read all pages of a UC, and the first reply
// of a new node, take seconds on a host where memory is short.
func ticks(op uint32) int {
	switch op {
	case opScan, opCopy, opFile, opZygote:
		return 60
	}
	return 10
}

func newNode(fd int) *node {
	tv := unix.NsecToTimeval(int64(orderTick))
	// A socket that takes no time-out blocks until the process ends, no longer.
	_ = unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &tv)
	_ = unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_SNDTIMEO, &tv)
	return &node{fd: fd}
}

// fork asks for a blank. It does not wait: the blank reads its order when it
// is there, and a fork that failed says so on the channel.
func (n *node) fork() (blank, error) {
	ours, theirs, err := socketPair()
	if err != nil {
		return blank{}, isolation.Scarce(err)
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
		return blank{}, fmt.Errorf("a node has %d children already", maxChildren)
	}
	if err := n.send(order{op: opFork, id: id}, theirs); err != nil {
		n.free = append(n.free, id)
		unix.Close(ours)
		return blank{}, err
	}
	return blank{node: n, id: id, fd: ours}, nil
}

// send needs n.mu.
func (n *node) send(o order, fds ...int) error {
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

// receive is the reply to an order with an operation. It needs n.mu, or a node
// that nobody else knows yet.
func (n *node) receive(op uint32, p []byte) (k, right int, err error) {
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

// fail declares the node dead and returns why.
func (n *node) fail(why error) error {
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

// look finds a node dead whose process ended. A node that carries out an order is
// left to that order.
func (n *node) look() {
	if n.dead.Load() || !n.mu.TryLock() {
		return
	}
	defer n.mu.Unlock()
	if !n.closed && hungUp(n.fd) {
		n.fail(io.EOF)
	}
}

// ping finds a node dead that answers no order. A node that carries out an order is
// left to that order.
func (n *node) ping() {
	if n.orders.Load() == 0 {
		_, _, _ = n.ask(order{op: opWatch}, nil) // a failure is in n.dead
	}
}

// nextID is the id of the next child in the place of another: an order with the
// id before it no longer reaches anybody (csrc/tender/control.h).
func nextID(id uint32) uint32 { return id + maxChildren }

// forget kills a child and gives its place back. What waits on the channel sees
// its end when the child is gone.
func (n *node) forget(id uint32) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.send(order{op: opKill, id: id}) == nil {
		n.free = append(n.free, nextID(id))
	}
}

// ask sends an order and waits for its reply; got, if not nil, then reads what
// the reply left in scratch. An errno of the reply is the error. The descriptor
// that came with the reply is -1 for none.
func (n *node) ask(o order, got func(reply) error, fds ...int) (reply, int, error) {
	return n.askWith(o, nil, got, fds...)
}

// askWith is ask with something put into scratch first.
func (n *node) askWith(o order, put func(scratch []byte), got func(reply) error, fds ...int) (reply, int, error) {
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

// close lets go of the node, which then ends with all its children. Its parent
// kills it.
func (n *node) close() {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closed {
		return
	}
	n.closed = true
	n.dead.Store(true)
	for _, uc := range n.stock.close() {
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

// grow makes a node: a fork of n that lays layers and takes orders.
func (n *node) grow(image *os.File, arena int, layers []layer, files []*os.File) (*node, error) {
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
	child := newNode(b.fd)
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
		return nil, fmt.Errorf("grow a node: %w", err)
	}
	return child, nil
}

func (n *node) become(image *os.File, arena, scratch int, layers []layer, files []*os.File) error {
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

// sendRun sends an order to a blank. Its error is what the blank said at its
// end, or the node that could not fork it.
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
