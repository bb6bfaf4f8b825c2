package unikernel

import (
	"cmp"
	"context"
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/lambdabench/lambdabench/runtime/driver"
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
	ctx := context.Background() // orders end at their own deadlines
	p, err := s.enter(ctx)
	if err != nil {
		return nil, fmt.Errorf("read call counters: %w", err)
	}
	defer s.leave(p)
	st, err := p.uc.State(ctx)
	if err != nil {
		return nil, fmt.Errorf("read call counters: %w", err)
	}
	var tables [2][]byte
	for i, off := range []uint64{st.CallsOff, st.UnknownOff} {
		if tables[i], err = p.uc.Peek(ctx, abi.State+off, tracedCalls*4); err != nil {
			return nil, fmt.Errorf("read call counters: %w", err)
		}
	}
	le := binary.LittleEndian
	var out []CallCount
	names := callNames()
	for n := range uint32(tracedCalls) {
		c := CallCount{callName(names, n), le.Uint32(tables[0][4*n:]), le.Uint32(tables[1][4*n:])}
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

// Trace boots an interpreter, has it import and run a function, and returns
// the system calls that it made: for 'lambdabench doctor --uc-trace'.
func Trace(ctx context.Context, in isolation.Interpreter) ([]CallCount, error) {
	b := New(Config{Trace: true})
	defer b.Close()
	sb, err := b.Boot(ctx, isolation.BootSpec{Interpreter: in})
	if err != nil {
		return nil, err
	}
	if err := runTraining(ctx, sb, in.Language, driver.DefaultTraining()[0]); err != nil {
		return nil, fmt.Errorf("trace %s: %w", in.Runtime, err)
	}
	return b.Calls(sb)
}
