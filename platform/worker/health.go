package worker

import (
	"context"
	"fmt"

	"github.com/lambdabench/lambdabench/runtime/isolation"
)

// Health is nil while the worker can run functions. Otherwise the error says
// what is broken.
func (w *Worker) Health(ctx context.Context) error {
	w.mu.Lock()
	closed := w.draining
	w.mu.Unlock()
	if closed {
		return ErrClosed
	}
	s, ok := w.backend.(isolation.Supervisor)
	if !ok {
		return nil
	}
	if err := s.Health(ctx); err != nil {
		return fmt.Errorf("%s: %w", w.backend.Name(), err)
	}
	return nil
}

func (w *Worker) helpers() []isolation.Helper {
	if s, ok := w.backend.(isolation.Supervisor); ok {
		return s.Helpers()
	}
	return nil
}
