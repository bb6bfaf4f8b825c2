package surface

import (
	"maps"
	"runtime"
	"slices"

	"golang.org/x/sys/unix"
)

// instruction is one of a seccomp filter, struct sock_filter in
// linux/filter.h.
type instruction = unix.SockFilter

// reachableCalls are the system calls that pass all filters for at least some
// arguments, made from somewhere in the process's code. It follows both ways
// of every decision about an argument, so a combination of arguments that
// cannot exist may count.
func reachableCalls(filters [][]instruction, code []span) map[int]bool {
	pass := map[int]bool{}
	places := []uint64{0}
	if slices.ContainsFunc(filters, looksAtPlace) {
		places = placesToTry(filters, code)
	}
	for _, nr := range callNumbers() {
		pass[nr] = slices.ContainsFunc(places, func(place uint64) bool {
			return !slices.ContainsFunc(filters,
				func(f []instruction) bool { return !passes(f, call{uint32(nr), place}) })
		})
	}
	maps.DeleteFunc(pass, func(_ int, ok bool) bool { return !ok })
	return pass
}

// call is the subject of a filter's decision: the number of a system call, and the address
// of the instruction that makes the call.
type call struct {
	nr    uint32
	place uint64
}

// span is a mapping that a process can run code in.
type span struct{ from, to uint64 }

// placesToTry are addresses in code, enough for every decision that a filter
// can take about them: each end of a mapping, and around each constant that a
// filter compares a half of an address with.
func placesToTry(filters [][]instruction, code []span) (places []uint64) {
	halves := map[uint64]bool{}
	for _, f := range filters {
		for _, in := range f {
			if in.Code&7 == unix.BPF_JMP {
				// which wrap around, as halves do
				halves[uint64(in.K-1)], halves[uint64(in.K)], halves[uint64(in.K+1)] = true, true, true
			}
		}
	}
	for _, s := range code {
		places = append(places, s.from, s.to-1)
		for high := range halves {
			if high < s.from>>32 || high > s.to>>32 {
				continue
			}
			for low := range halves {
				if at := high<<32 | low; at >= s.from && at < s.to {
					places = append(places, at)
				}
			}
		}
	}
	return places
}

// looksAtPlace reports whether a filter reads the instruction pointer. The process cannot
// choose that value freely: it lies where the process has code.
func looksAtPlace(filter []instruction) bool {
	return slices.ContainsFunc(filter, func(in instruction) bool {
		return in.Code == unix.BPF_LD|unix.BPF_W|unix.BPF_ABS && (in.K == 8 || in.K == 12)
	})
}

// callNumbers are the numbers of the host's own system call table that Linux
// gives out: one range for each architecture, then one that all share.
func callNumbers() []int {
	last := map[string]int{"amd64": unix.SYS_RSEQ, "arm64": unix.SYS_RSEQ}[runtime.GOARCH]
	const shared, newest = 424, 469 // pidfd_send_signal; file_setattr, Linux 6.17
	var all []int
	for nr := range last + 1 {
		all = append(all, nr)
	}
	for nr := shared; nr <= newest; nr++ {
		all = append(all, nr)
	}
	return all
}

// auditArch is the host's architecture, as a filter reads it.
func auditArch() uint32 {
	if runtime.GOARCH == "arm64" {
		return unix.AUDIT_ARCH_AARCH64
	}
	return unix.AUDIT_ARCH_X86_64
}

// state is the filter machine at one instruction: accumulator, index and
// scratch memory, each known or not.
type state struct {
	pc   uint32
	a, x word
	mem  [16]word
}

type word struct {
	v     uint32
	known bool
}

// passes reports whether the filter lets the call happen for some arguments.
func passes(filter []instruction, c call) bool {
	seen := map[state]bool{}
	for todo := []state{{a: word{0, true}, x: word{0, true}}}; len(todo) > 0; {
		s := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if seen[s] || int(s.pc) >= len(filter) {
			continue
		}
		seen[s] = true
		next, verdict := s.step(filter[s.pc], c)
		if verdict != nil && lets(*verdict) {
			return true
		}
		todo = append(todo, next...)
	}
	return false
}

// lets reports whether the host kernel does a call after this verdict. A call that goes to
// a tracer or a listener counts, because the tracer may let it happen.
func lets(verdict uint32) bool {
	switch verdict & 0xffff0000 { // SECCOMP_RET_ACTION_FULL
	case 0x7fff0000, 0x7ffc0000, 0x7ff00000, 0x7fc00000: // ALLOW, LOG, TRACE, USER_NOTIF: linux/seccomp.h
		return true
	}
	return false
}

// step does one instruction. A value that depends on an argument is unknown.
func (s state) step(in instruction, c call) (next []state, verdict *uint32) {
	s.pc++
	operand := word{in.K, true}
	if in.Code&unix.BPF_X != 0 {
		operand = s.x
	}
	switch in.Code & 7 {
	case unix.BPF_RET:
		if in.Code&0x18 == unix.BPF_A { // a computed verdict: no known filter has one
			all := uint32(0x7fff0000)
			return nil, &all
		}
		return nil, &in.K
	case unix.BPF_JMP:
		return s.jump(in, operand), nil
	case unix.BPF_LD:
		s.a = s.load(in, c)
	case unix.BPF_LDX:
		s.x = s.load(in, c)
	case unix.BPF_ST:
		s.mem[in.K&15] = s.a
	case unix.BPF_STX:
		s.mem[in.K&15] = s.x
	case unix.BPF_ALU:
		s.a = compute(in.Code&0xf0, s.a, operand)
	case unix.BPF_MISC:
		if in.Code&0xf8 == unix.BPF_TXA {
			s.a = s.x
		} else {
			s.x = s.a
		}
	}
	return []state{s}, nil
}

// load reads struct seccomp_data: nr, arch, instruction pointer, arguments.
func (s state) load(in instruction, c call) word {
	switch in.Code & 0xe0 {
	case unix.BPF_IMM:
		return word{in.K, true}
	case unix.BPF_MEM:
		return s.mem[in.K&15]
	case unix.BPF_ABS:
		switch in.K {
		case 0:
			return word{c.nr, true}
		case 4:
			return word{auditArch(), true}
		case 8: // the lower half: the architectures that we know are little-endian
			return word{uint32(c.place), true}
		case 12:
			return word{uint32(c.place >> 32), true}
		}
	case unix.BPF_LEN:
		return word{64, true}
	}
	return word{}
}

func (s state) jump(in instruction, operand word) []state {
	yes, no := s, s
	yes.pc += uint32(in.Jt)
	no.pc += uint32(in.Jf)
	var holds bool
	switch in.Code & 0xf0 {
	case unix.BPF_JA:
		s.pc += in.K
		return []state{s}
	case unix.BPF_JEQ:
		holds = s.a.v == operand.v
	case unix.BPF_JGT:
		holds = s.a.v > operand.v
	case unix.BPF_JGE:
		holds = s.a.v >= operand.v
	case unix.BPF_JSET:
		holds = s.a.v&operand.v != 0
	}
	switch {
	case !s.a.known || !operand.known:
		return []state{yes, no}
	case holds:
		return []state{yes}
	}
	return []state{no}
}

func compute(op uint16, a, b word) word {
	if !a.known || !b.known {
		return word{}
	}
	switch op {
	case unix.BPF_ADD:
		a.v += b.v
	case unix.BPF_SUB:
		a.v -= b.v
	case unix.BPF_MUL:
		a.v *= b.v
	case unix.BPF_OR:
		a.v |= b.v
	case unix.BPF_AND:
		a.v &= b.v
	case unix.BPF_XOR:
		a.v ^= b.v
	case unix.BPF_LSH:
		a.v <<= b.v
	case unix.BPF_RSH:
		a.v >>= b.v
	case unix.BPF_NEG:
		a.v = -a.v
	default:
		return word{}
	}
	return a
}
