package zygote

import (
	"github.com/lambdabench/lambdabench/runtime/unikernel/abi"
	"github.com/lambdabench/lambdabench/runtime/unikernel/snapshot"
)

// Run is what a spare becomes: struct tc_run and what follows it.
type Run struct {
	How      uint32 // abi.Boot or abi.Resume
	Flags    uint32 // of the host block
	PID      uint32 // as the guest sees it
	KeepsPID bool   // a UC that wakes goes on with the process id that it had
	Memory   int64  // limit in bytes; 0: none
	Threads  int    // at a time; 0: no limit
	Entropy  [64]byte
	Plan     snapshot.Plan
	Patches  []byte // of a UC that hibernated, over the plan

	Program   string // for abi.Boot, with its arguments and environment
	Args, Env []string
}

// plain reports whether any UC of its zygote would do, just as it was forked.
func (r *Run) plain() bool {
	return r.How == abi.Resume && !r.KeepsPID && len(r.Plan) == 0 && len(r.Patches) == 0
}

// encode returns the packet, and what did not fit into it: nil, or bytes that
// go into a file whose descriptor is sent last.
func (r *Run) encode(op uint32, z *Zygote) (packet, spilled []byte) {
	var strings []byte
	exe := 0
	if r.Program != "" {
		for _, list := range [][]string{r.Args, r.Env, {r.Program}} {
			for _, s := range list {
				exe = len(strings)
				strings = append(append(strings, s...), 0)
			}
		}
	}
	const cpus = 1
	b := make([]byte, runSize, runSize+len(r.Plan)*extentSize+len(strings)+len(r.Patches))
	for i, v := range []uint32{tcMagic, op, r.How, r.Flags, r.PID, cpus, uint32(len(r.Plan)), uint32(len(strings)),
		uint32(len(r.Args)), uint32(len(r.Env)), uint32(exe), 0} {
		le.PutUint32(b[4*i:], v)
	}
	le.PutUint64(b[48:], uint64(r.Memory))
	le.PutUint64(b[56:], z.imageSize)
	copy(b[64:], r.Entropy[:])
	copy(b[128:], z.tender.machine[:])
	le.PutUint64(b[160:], uint64(r.Threads))
	le.PutUint32(b[168:], uint32(len(r.Patches)))
	b = encodePlan(b, r.Plan)
	b = append(append(b, strings...), r.Patches...)
	if len(b) <= packetMax-1024 {
		return b, nil
	}
	le.PutUint32(b[44:], 1)
	return b[:runSize], b[runSize:]
}
