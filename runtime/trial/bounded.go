package trial

import (
	"context"
	"fmt"
	"time"
)

// bounded runs f with a deadline. If f does not return at the deadline, its goroutine
// stays until f returns or the process ends.
func bounded[T any](ctx context.Context, bound time.Duration, f func(context.Context) (T, error)) (none T, err error) {
	own, cancel := context.WithTimeout(ctx, bound)
	defer cancel()
	type outcome struct {
		got T
		err error
	}
	done := make(chan outcome, 1)
	go func() {
		got, err := f(own)
		done <- outcome{got, err}
	}()
	var stuck <-chan time.Time // from the deadline on
	for ended := own.Done(); ; {
		select {
		case o := <-done:
			// its error may be that of a process which was killed then
			if o.err != nil && ctx.Err() == nil && own.Err() != nil {
				return none, fmt.Errorf("it did not end within %v: %w", bound, o.err)
			}
			return o.got, o.err
		case <-ended:
			ended, stuck = nil, time.After(min(bound, grace))
		case <-stuck:
			return none, fmt.Errorf("%w of %v", ErrStuck, bound)
		}
	}
}
