package unikernel

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/lambdabench/lambdabench/runtime/isolation"
	"github.com/lambdabench/lambdabench/runtime/unikernel/abi"
)

// CallCount is how often a guest made a system call.
type CallCount struct {
	Name    string
	Count   uint32
	Unknown uint32 // how many of these were answered with ENOSYS
}

// tracedCalls is the length of the tables in the libOS's state (uc.h).
const tracedCalls = 512

// Calls reads what system calls a UC made since it was booted. Those that the
// library OS does not know are always counted, the others with Config.Trace. The
// UC must be idle.
func (b *Backend) Calls(sb isolation.Sandbox) ([]CallCount, error) {
	s, ok := sb.(*sandbox)
	if !ok || s.backend != b {
		return nil, fmt.Errorf("read call counters: %w", isolation.ErrForeignObject)
	}
	if err := s.enter(context.Background()); err != nil {
		return nil, fmt.Errorf("read call counters: %w", err)
	}
	defer s.leave()
	raw, err := s.peek(abi.State, abi.StateSize)
	if err != nil {
		return nil, fmt.Errorf("read call counters: %w", err)
	}
	st, err := abi.ParseState(raw)
	if err != nil {
		return nil, fmt.Errorf("read call counters: %w", err)
	}
	var tables [2][]byte
	for i, off := range []uint64{st.CallsOff, st.UnknownOff} {
		if tables[i], err = s.peek(abi.State+off, tracedCalls*4); err != nil {
			return nil, fmt.Errorf("read call counters: %w", err)
		}
	}
	var out []CallCount
	for n := range uint32(tracedCalls) {
		c := CallCount{callName(n), le.Uint32(tables[0][4*n:]), le.Uint32(tables[1][4*n:])}
		c.Count = max(c.Count, c.Unknown)
		if c.Count > 0 {
			out = append(out, c)
		}
	}
	slices.SortFunc(out, func(x, y CallCount) int {
		return cmp.Or(cmp.Compare(y.Unknown, x.Unknown), cmp.Compare(y.Count, x.Count), cmp.Compare(x.Name, y.Name))
	})
	return out, nil
}

func (s *sandbox) peek(addr, n uint64) (got []byte, err error) {
	zygote := s.uc.zygote
	_, _, err = zygote.ask(order{op: opPeek, id: s.uc.id, a: addr, b: n}, func(r reply) error {
		got = bytes.Clone(zygote.scratch[:r.n])
		return nil
	})
	switch {
	case err != nil:
		return nil, err
	case uint64(len(got)) != n:
		return nil, fmt.Errorf("%d bytes of %d at %#x", len(got), n, addr)
	}
	return got, nil
}

// Trace boots an interpreter, has it import and run a function, and returns
// the system calls that it made: for 'lambdabench doctor --uc-trace'.
func Trace(ctx context.Context, in isolation.Interpreter) ([]CallCount, error) {
	b := New(Config{Trace: true})
	defer b.Close()
	sb, err := b.Boot(ctx, isolation.BootSpec{Interpreter: in})
	if err != nil {
		return nil, err
	}
	if err := runTraining(ctx, sb, in.Language); err != nil {
		return nil, fmt.Errorf("trace %s: %w", in.Runtime, err)
	}
	return b.Calls(sb)
}
