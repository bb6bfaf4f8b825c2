package zygote

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"github.com/lambdabench/lambdabench/runtime/unikernel/abi"
	"github.com/lambdabench/lambdabench/runtime/unikernel/snapshot"
)

// Child is a process that a zygote forked: a spare until it is told to run, then
// a UC. The zero Child is none.
type Child struct {
	FD  int     // the platform's end of its channel
	Ran Tenancy // whose functions the process has run

	zygote *Zygote
	id     uint32
	next   *Run // of a process that was reset: what it becomes unless it is told otherwise
}

// Zygote forked the child.
func (c Child) Zygote() *Zygote { return c.zygote }

// WasReset reports whether the process has served before.
func (c Child) WasReset() bool { return c.next != nil }

// Run tells a spare what it becomes. A process that was reset got its order with
// Get.
func (c Child) Run(r *Run) error {
	if c.WasReset() {
		return nil
	}
	return c.zygote.sendRun(c.FD, opRun, r)
}

// Kill ends the process. Its channel stays for those who still read it.
func (c Child) Kill() { c.zygote.kill(c.id) }

// Discard ends a spare that nobody gets.
func (c Child) Discard() {
	c.Kill()
	unix.Close(c.FD)
}

// ask is an order for the child.
func (c Child) ask(ctx context.Context, o order, put func([]byte), got func([]byte, reply) error) (reply, error) {
	o.id = c.id
	r, _, err := c.zygote.do(ctx, call{order: o, put: put, got: got})
	return r, err
}

// Table is what a capture found in a UC.
type Table struct {
	Extents []snapshot.Captured
	Holes   []snapshot.Range // what the guest gave back: zeros lie there

	version uint64 // of the UC's memory: Copy refuses the table after the UC ran
}

func (t *Table) parse(scratch []byte, r reply) error {
	st, err := abi.ParseState(scratch)
	if err != nil {
		return err
	}
	t.Holes, t.version = holes(st), r.b
	t.Extents, err = parseTable(scratch[abi.PageSize:], r.n)
	return err
}

func holes(st abi.UCState) (out []snapshot.Range) {
	for _, d := range st.Discard {
		out = append(out, snapshot.Range{VPN: uint32(d.Start / abi.PageSize),
			Pages: uint32((d.End - d.Start) / abi.PageSize)})
	}
	return out
}

// Capture writes the pages of a sleeping UC that differ from its zygote to a
// stage of the arena. Pages that are as a candidate says are not written. direct:
// no small layer lies between the zygote and the UC, so that pages as the zygote
// has them need no entry.
func (c Child) Capture(
	ctx context.Context, stage snapshot.Slot, slots int, direct bool, candidates []snapshot.Page,
) (t Table, err error) {
	o := order{op: opCapture, a: uint64(stage), b: uint64(slots), flags: uint32(len(candidates)) << flagCandidates}
	if direct {
		o.flags |= flagDirect
	}
	_, err = c.ask(ctx, o, func(scratch []byte) { encodeCandidates(scratch, candidates) }, t.parse)
	return t, err
}

// Scan lists the pages that a sleeping UC wrote, or with shared those that it
// read and that are still its zygote's.
func (c Child) Scan(ctx context.Context, shared bool) (t Table, err error) {
	o := order{op: opScan}
	if shared {
		o.flags = flagShared
	}
	_, err = c.ask(ctx, o, nil, t.parse)
	return t, err
}

// Copy writes the pages of a table of Scan to a file, at the offsets of the table.
func (c Child) Copy(ctx context.Context, t Table, to *os.File) error {
	r, _, err := c.zygote.do(ctx, call{
		order: order{op: opCopy, id: c.id, a: uint64(len(t.Extents))},
		put:   func(scratch []byte) { encodeTable(scratch[abi.PageSize:], t.Extents) },
		fds:   []int{int(to.Fd())},
	})
	if err == nil && r.b != t.version {
		return ErrAwake
	}
	return err
}

// Patches are the words in which the memory of a sleeping UC differs from what
// the plan of its deploy laid, and the ranges that the guest gave back.
func (c Child) Patches(ctx context.Context, plan snapshot.Plan) (patches []byte, gaveBack []snapshot.Range, err error) {
	put := func(scratch []byte) { encodePlan(scratch[extentsAt:extentsAt], plan) }
	_, err = c.ask(ctx, order{op: opPatches, a: uint64(len(plan))}, put, func(scratch []byte, r reply) error {
		st, err := abi.ParseState(scratch)
		gaveBack, patches = holes(st), bytes.Clone(scratch[abi.PageSize:][:r.n])
		return err
	})
	return patches, gaveBack, err
}

// maxPrivate is how many private pages a UC may have to be worth a reset.
const maxPrivate = 2048

// Reset rolls the memory of a sleeping UC back to what it was forked with; next
// is what it becomes unless Get tells it otherwise. The child has another id from
// then on.
func (c Child) Reset(ctx context.Context, next *Run) (Child, error) {
	o := order{op: opReset, a: maxPrivate, b: uint64(nextID(c.id))}
	_, err := c.ask(ctx, o, func(scratch []byte) {
		packet, _ := next.encode(opRun, c.zygote)
		copy(scratch, packet)
	}, nil)
	if err != nil {
		return c, err
	}
	c.id, c.next = nextID(c.id), next
	return c, nil
}

// errTooLarge: what a reset process would have to zero costs more than a fork.
var errTooLarge = errors.New("another run has too many holes")

// reuse gives a process that was reset its order, unless it was told all of the
// order at its reset.
func (c Child) reuse(ctx context.Context, r *Run) error {
	if r.plain() && c.next.Memory == r.Memory && c.next.Threads == r.Threads {
		r.PID = c.next.PID
		return nil
	}
	packet, spilled := r.encode(opRun, c.zygote)
	_, err := c.ask(ctx, order{op: opReuse}, func(scratch []byte) {
		copy(scratch[copy(scratch, packet):], spilled)
	}, nil)
	if errors.Is(err, unix.E2BIG) {
		return errTooLarge
	}
	return err
}

// Limit replaces the limits of memory, in bytes, and of threads of a UC. A spare
// that is not yet a UC is ErrAwake.
func (c Child) Limit(ctx context.Context, memory int64, threads int) error {
	_, err := c.ask(ctx, order{op: opLimit, a: uint64(memory), b: uint64(threads)}, nil, nil)
	return err
}

// Peek reads n bytes of a UC's memory.
func (c Child) Peek(ctx context.Context, addr, n uint64) (got []byte, err error) {
	_, err = c.ask(ctx, order{op: opPeek, a: addr, b: n}, nil, func(scratch []byte, r reply) error {
		got = bytes.Clone(scratch[:r.n])
		return nil
	})
	if err == nil && uint64(len(got)) != n {
		err = fmt.Errorf("%d bytes of %d at %#x", len(got), n, addr)
	}
	return got, err
}

// State reads the state of a UC's kernel.
func (c Child) State(ctx context.Context) (abi.UCState, error) {
	page, err := c.Peek(ctx, abi.State, abi.StateSize)
	if err != nil {
		return abi.UCState{}, err
	}
	return abi.ParseState(page)
}
