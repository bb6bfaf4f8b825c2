package zygote

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
)

// MaxChildren is how many children a zygote has at most.
const MaxChildren = 65536

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

// answers reports, as an error, that a reply belongs to another order.
func (r reply) answers(op, id uint32) error {
	if r.op != op || r.id != id {
		return fmt.Errorf("tender: reply to order %d where one to %d was due", r.op, op)
	}
	return nil
}

func address(vpn uint32) uint64 { return uint64(vpn) * abi.PageSize }

// encodePlan appends struct tc_extent for each placement.
func encodePlan(b []byte, plan snapshot.Plan) []byte {
	for _, p := range plan {
		b = le.AppendUint64(b, address(p.VPN))
		b = le.AppendUint64(b, uint64(p.Off))
		b = le.AppendUint32(b, p.Pages)
		b = le.AppendUint16(b, uint16(p.Kind))
		b = le.AppendUint16(b, p.File)
	}
	return b
}

// parseTable decodes n entries struct tc_page of a capture. The entries come from
// a zygote, not from a guest, but the addresses are a guest's choice.
func parseTable(b []byte, n uint32) ([]snapshot.Captured, error) {
	if uint64(len(b)) < uint64(n)*pageSize {
		return nil, fmt.Errorf("tender: table of %d entries in %d bytes", n, len(b))
	}
	out := make([]snapshot.Captured, n)
	for i := range out {
		e := b[i*pageSize:]
		addr, pages := le.Uint64(e), le.Uint32(e[16:])
		if !abi.InRegion(abi.Range{Start: addr, End: addr + uint64(pages)*abi.PageSize}) {
			return nil, fmt.Errorf("tender: page %#x is not in the region", addr)
		}
		extent := snapshot.Extent{VPN: uint32(addr / abi.PageSize), Pages: pages, Off: int64(le.Uint64(e[8:]))}
		out[i] = snapshot.Captured{Extent: extent, Flags: le.Uint32(e[20:])}
	}
	return out, nil
}

func encodeTable(b []byte, table []snapshot.Captured) {
	for i, c := range table {
		e := b[i*pageSize:]
		le.PutUint64(e, address(c.VPN))
		le.PutUint64(e[8:], uint64(c.Off))
		le.PutUint32(e[16:], c.Pages)
		le.PutUint32(e[20:], c.Flags)
	}
}

// encodeCandidates writes struct tc_candidate for each page to the end of scratch.
func encodeCandidates(scratch []byte, candidates []snapshot.Page) {
	b := scratch[len(scratch)-len(candidates)*candidateSize:]
	for i, p := range candidates {
		le.PutUint64(b[i*candidateSize:], address(p.VPN))
		le.PutUint64(b[i*candidateSize+8:], uint64(p.Slot)*abi.PageSize)
	}
}
