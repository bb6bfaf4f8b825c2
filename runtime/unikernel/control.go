package unikernel

import (
	"encoding/binary"
	"fmt"
	"syscall"

	"github.com/lambdabench/lambdabench/runtime/unikernel/abi"
	"github.com/lambdabench/lambdabench/runtime/unikernel/snapshot"
)

// This file mirrors csrc/tender/control.h. A test compiles the header and compares.

const (
	tcMagic = 0x31304354

	opRun     = 1
	opZygote  = 2
	opFork    = 10
	opKill    = 11
	opCapture = 12
	opScan    = 13
	opCopy    = 14
	opLimit   = 15
	opStat    = 16
	opFile    = 17
	opWatch   = 18
	opPeek    = 20
	opReset   = 21
	opReuse   = 22
	opPatches = 23

	flagShared     = 1
	flagDirect     = 2
	flagCandidates = 8 // the bit from which on flags count candidates

	extentCopied        = 1
	extentMapped        = 2
	extentZeroed        = 3
	extentPrefetchWrite = 4
	extentPrefetchRead  = 5

	pageZero      = 1
	pageSame      = 2 // as the zygote has it
	pageCandidate = 4 // as a candidate says

	orderSize     = 32
	replySize     = 32
	extentSize    = 24
	runSize       = 176
	machineSize   = 32
	pageSize      = 24 // of struct tc_page, an entry of a capture's table
	watchedSize   = 8
	candidateSize = 16

	scratchSize = 8 << 20
	extentsAt   = scratchSize / 2
	packetMax   = 65536
	maxChildren = 65536
)

var le = binary.LittleEndian

// order is struct tc_order.
type order struct {
	op    uint32
	id    uint32
	a, b  uint64
	flags uint32
}

func (o order) encode() []byte {
	b := make([]byte, orderSize)
	le.PutUint32(b[0:], tcMagic)
	le.PutUint32(b[4:], o.op)
	le.PutUint32(b[8:], o.id)
	le.PutUint32(b[12:], o.flags)
	le.PutUint64(b[16:], o.a)
	le.PutUint64(b[24:], o.b)
	return b
}

// reply is struct tc_reply.
type reply struct {
	op, id uint32
	err    syscall.Errno
	n      uint32
	a, b   uint64
}

func parseReply(b []byte) (reply, error) {
	if len(b) != replySize {
		return reply{}, fmt.Errorf("tender: reply of %d bytes", len(b))
	}
	return reply{
		op: le.Uint32(b[0:]), id: le.Uint32(b[4:]), err: syscall.Errno(le.Uint32(b[8:])),
		n: le.Uint32(b[12:]), a: le.Uint64(b[16:]), b: le.Uint64(b[24:]),
	}, nil
}

// layer is struct tc_extent: one stretch of guest pages.
type layer struct {
	addr, off uint64
	pages     uint32
	kind      uint16
	file      uint16
}

// runOrder is struct tc_run and what follows it.
type runOrder struct {
	op        uint32
	how       uint32
	flags     uint32
	pid, cpus uint32
	memLimit  uint64
	threads   uint64 // at a time; 0: no limit
	imageSize uint64
	entropy   [64]byte
	machine   [machineSize]byte // struct tc_machine, as the root said it
	layers    []layer
	patches   []byte
	again     bool     // it goes on with the process id that it had
	args, env []string // UC_BOOT only
	program   string
}

// plain reports whether any UC of its zygote would do, just as it was forked.
func (r *runOrder) plain() bool {
	return r.how == abi.Resume && !r.again && len(r.layers) == 0 && len(r.patches) == 0
}

// encode returns the packet, and what did not fit into it: nil, or bytes that
// go into a file whose descriptor is sent last.
func (r *runOrder) encode() (packet, spilled []byte) {
	var strings []byte
	exe := 0
	if r.program != "" {
		for _, list := range [][]string{r.args, r.env, {r.program}} {
			for _, s := range list {
				exe = len(strings)
				strings = append(append(strings, s...), 0)
			}
		}
	}
	b := make([]byte, runSize, runSize+len(r.layers)*extentSize+len(strings)+len(r.patches))
	for i, v := range []uint32{tcMagic, r.op, r.how, r.flags, r.pid, r.cpus, uint32(len(r.layers)), uint32(len(strings)),
		uint32(len(r.args)), uint32(len(r.env)), uint32(exe), 0} {
		le.PutUint32(b[4*i:], v)
	}
	le.PutUint64(b[48:], r.memLimit)
	le.PutUint64(b[56:], r.imageSize)
	copy(b[64:], r.entropy[:])
	copy(b[128:], r.machine[:])
	le.PutUint64(b[160:], r.threads)
	le.PutUint32(b[168:], uint32(len(r.patches)))
	b = encodeLayers(b, r.layers)
	b = append(append(b, strings...), r.patches...)
	if len(b) <= packetMax-1024 {
		return b, nil
	}
	le.PutUint32(b[44:], 1)
	return b[:runSize], b[runSize:]
}

func encodeLayers(b []byte, layers []layer) []byte {
	for _, l := range layers {
		b = le.AppendUint64(b, l.addr)
		b = le.AppendUint64(b, l.off)
		b = le.AppendUint32(b, l.pages)
		b = le.AppendUint16(b, l.kind)
		b = le.AppendUint16(b, l.file)
	}
	return b
}

// taken is struct tc_page: an entry of a capture's table.
type taken struct {
	addr, off uint64
	pages     uint32
	flags     uint32
}

// parseTaken decodes n entries. They come from the tender's root, not from a
// guest, but the addresses were a guest's choice.
func parseTaken(b []byte, n uint32) ([]taken, error) {
	if uint64(len(b)) < uint64(n)*pageSize {
		return nil, fmt.Errorf("tender: table of %d entries in %d bytes", n, len(b))
	}
	out := make([]taken, n)
	for i := range out {
		e := b[i*pageSize:]
		out[i] = taken{le.Uint64(e), le.Uint64(e[8:]), le.Uint32(e[16:]), le.Uint32(e[20:])}
		if !abi.InRegion(abi.Range{Start: out[i].addr, End: out[i].addr + uint64(out[i].pages)*abi.PageSize}) {
			return nil, fmt.Errorf("tender: page %#x is not in the region", out[i].addr)
		}
	}
	return out, nil
}

func (t taken) encode(b []byte) {
	le.PutUint64(b, t.addr)
	le.PutUint64(b[8:], t.off)
	le.PutUint32(b[16:], t.pages)
	le.PutUint32(b[20:], t.flags)
}

// putCandidates writes an order's candidates to the end of scratch, as struct tc_candidate.
func putCandidates(scratch []byte, candidates []snapshot.Page) {
	b := scratch[len(scratch)-len(candidates)*candidateSize:]
	for i, p := range candidates {
		le.PutUint64(b[i*candidateSize:], uint64(p.VPN)*abi.PageSize)
		le.PutUint64(b[i*candidateSize+8:], uint64(p.Slot)*abi.PageSize)
	}
}
