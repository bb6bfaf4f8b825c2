package experiment

import (
	"context"
	"time"

	"github.com/lambdabench/lambdabench/analysis/record"
)

// paces of hot calls, in which the processor is never idle and almost always.
var paces = []string{record.PaceTight, record.Pace20}

// pause is the time between a reply and the next call at a pace.
func pause(ctx context.Context, pace string) error {
	if pace != record.Pace20 {
		return ctx.Err()
	}
	select {
	case <-time.After(time.Second / 20):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
