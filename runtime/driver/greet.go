package driver

import (
	"context"
	"fmt"

	"github.com/lambdabench/lambdabench/runtime/isolation"
)

// Greet begins a session with a driver that is a process whose log is a pipe: it waits for the
// driver's hello, calls limit with the limits of spec, and runs the steps of spec. end is the
// function of [Session.OnEnd]. After an error there is no session, and conn is still open.
func Greet(ctx context.Context, conn Stream, log *LogPipe, end func() End, limit func(isolation.Limits) error,
	spec isolation.BootSpec) (*Session, error) {
	s, _, err := Open(ctx, conn)
	if err != nil {
		if words := log.Peek(); len(words) > 0 {
			err = fmt.Errorf("%w; it said: %s", err, words)
		}
		return nil, err
	}
	s.OnEnd(end)
	s.Log(log)
	if err := limit(spec.Limits); err != nil {
		return nil, err
	}
	if err := s.Prepare(ctx, spec); err != nil {
		return nil, err
	}
	return s, nil
}
