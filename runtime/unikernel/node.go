package unikernel

import (
	"fmt"
	"os"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// node is a process of the tender that holds a prefix of a snapshot stack
// mapped and forks blanks from it.
type node struct {
	fd        int // control socket
	imageSize uint64
	scratch   []byte // mapping of the scratch file: tables too large for a packet
	stock     stock
	orders    atomic.Int32 // under way, or waiting to be

	mu   sync.Mutex // one order and its reply at a time
	dead bool
	next uint32
	free []uint32 // ids that were given back
	buf  [128]byte

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

func newNode(fd int) *node { return &node{fd: fd} }

// fork asks for a blank. It does not wait: the blank reads its order when it
// is there, and a fork that failed says so on the channel.
func (n *node) fork() (blank, error) {
	ours, theirs, err := socketPair()
	if err != nil {
		return blank{}, err
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
	if n.dead {
		return ErrTenderGone
	}
	if err := sendPacket(n.fd, o.encode(), fds...); err != nil {
		return fmt.Errorf("%w (%v)", ErrTenderGone, err)
	}
	return nil
}

// forget kills a child and gives its id back. What waits on the channel sees
// its end when the child is gone.
func (n *node) forget(id uint32) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.send(order{op: opKill, id: id}) == nil {
		n.free = append(n.free, id)
	}
}

// ask sends an order and waits for its reply; got, if not nil, then reads what
// the reply left in scratch. The descriptor that came with the reply is -1 for
// none.
func (n *node) ask(o order, got func(reply) error, fds ...int) (reply, int, error) {
	return n.askWith(o, nil, got, fds...)
}

// askWith is ask with something put into scratch first.
func (n *node) askWith(o order, put func(scratch []byte), got func(reply) error, fds ...int) (reply, int, error) {
	n.orders.Add(1)
	defer n.orders.Add(-1)
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.dead { // and its scratch unmapped
		return reply{}, -1, ErrTenderGone
	}
	if put != nil {
		put(n.scratch)
	}
	if err := n.send(o, fds...); err != nil {
		return reply{}, -1, err
	}
	k, right, err := recvPacket(n.fd, n.buf[:])
	if err != nil || k == 0 {
		return reply{}, -1, fmt.Errorf("%w (%v)", ErrTenderGone, err)
	}
	r, err := parseReply(n.buf[:k])
	if err != nil {
		return r, right, err
	}
	if r.op != o.op || r.id != o.id {
		return r, right, fmt.Errorf("tender: reply to order %d where one to %d was due", r.op, o.op)
	}
	switch {
	case got != nil && r.err == 0:
		err = got(r)
	case put != nil && r.err != 0:
		err = r.err
	}
	return r, right, err
}

// close lets go of the node, which then ends with all its children.
func (n *node) close() {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.dead {
		return
	}
	n.dead = true
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
	child.self, child.from, child.imageSize = b, n, size
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
		return nil, fmt.Errorf("grow a node: %w", err)
	}
	return child, nil
}

func (n *node) become(image *os.File, arena, scratch int, layers []layer, files []*os.File) error {
	r := runOrder{op: opNode, imageSize: n.imageSize, layers: layers}
	fds := []int{int(image.Fd()), arena, scratch}
	for _, f := range files {
		fds = append(fds, int(f.Fd()))
	}
	if err := sendRun(n.fd, &r, fds...); err != nil {
		return err
	}
	b := make([]byte, 512)
	k, _, err := recvPacket(n.fd, b)
	if err != nil || k == 0 {
		return fmt.Errorf("%w (%v)", ErrTenderGone, err)
	}
	if note := exitIn(b[:k]); note != nil {
		return note.err()
	}
	rep, err := parseReply(b[:k])
	if err == nil && rep.op != opNode {
		err = fmt.Errorf("tender: reply to order %d where one to %d was due", rep.op, opNode)
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
