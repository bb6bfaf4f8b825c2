package zygote

import (
	"context"
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"github.com/lambdabench/lambdabench/runtime/unikernel/guest"
	"github.com/lambdabench/lambdabench/runtime/unikernel/snapshot"
)

// Memory is what a new zygote maps.
type Memory struct {
	Image *os.File      // files of a language runtime
	Arena int           // descriptor of the snapshot arena
	Plan  snapshot.Plan // of the snapshot
	Files []*os.File    // that the plan names by number
}

// Grow makes a zygote: a fork of z that maps m and takes orders.
func (z *Zygote) Grow(ctx context.Context, m Memory) (*Zygote, error) {
	st, err := m.Image.Stat()
	if err != nil {
		return nil, err
	}
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	c, err := z.Fork()
	if err != nil {
		return nil, err
	}
	child := newZygote(c.FD, z.tender)
	child.self, child.parent, child.imageSize = c, z, uint64(st.Size())
	if err := child.become(m); err != nil {
		child.Close()
		z.Ping() // z may be the process that does not answer
		return nil, fmt.Errorf("grow a zygote: %w", err)
	}
	return child, nil
}

// become has a spare map m, and waits until the spare has done so.
func (z *Zygote) become(m Memory) error {
	scratch, err := memFile("scratch", nil, 0)
	if err != nil {
		return err
	}
	defer scratch.Close()
	if err := scratch.Truncate(scratchSize); err != nil {
		return err
	}
	z.scratch, err = unix.Mmap(int(scratch.Fd()), 0, scratchSize, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return err
	}
	fds := []int{int(m.Image.Fd()), m.Arena, int(scratch.Fd())}
	for _, f := range m.Files {
		fds = append(fds, int(f.Fd()))
	}
	if err := z.sendRun(z.fd, opZygote, &Run{Plan: m.Plan}, fds...); err != nil {
		return err
	}
	b := make([]byte, 512)
	k, _, err := z.receive(opZygote, b)
	if err != nil {
		return err
	}
	if e := guest.ParseExit(b[:k]); e != nil {
		return e.Err()
	}
	r, err := parseReply(b[:k])
	if err != nil {
		return err
	}
	return r.answers(opZygote, r.id)
}

// sendRun sends a spare its order. The error is what the spare said at its end,
// or what the zygote said that could not fork it.
func (z *Zygote) sendRun(fd int, op uint32, r *Run, fds ...int) error {
	packet, spilled := r.encode(op, z)
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

// lastWords is why a packet could not be sent: where the other end is gone, what
// it said before.
func lastWords(fd int, err error) error {
	if err != unix.EPIPE && err != unix.ECONNRESET {
		return err
	}
	if e := guest.NextExit(fd); e != nil {
		return e.Err()
	}
	return err
}
