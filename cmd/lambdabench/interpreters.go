package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/lambdabench/lambdabench/runtime/isolation"
	"github.com/lambdabench/lambdabench/runtime/trial"
)

// findInterpreters is all that the finder finds, or why there are none.
func findInterpreters(ctx context.Context, f *isolation.Finder) ([]isolation.Interpreter, error) {
	found := f.All(ctx)
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("there is no interpreter: %w", errors.Join(f.Lacks(ctx)...))
	}
	return found, nil
}

// workingInterpreters are those that the backend works with; it tries each. An
// error says why there are none.
func workingInterpreters(
	ctx context.Context, b isolation.Backend, f *isolation.Finder, log *slog.Logger,
) ([]isolation.Interpreter, error) {
	found, err := findInterpreters(ctx, f)
	if err != nil {
		return nil, err
	}
	verdicts, err := trial.Trial{}.All(ctx, b, found)
	if err != nil {
		return nil, err
	}
	var works []isolation.Interpreter
	var lacks []error
	for _, v := range verdicts {
		if v.Err == nil {
			works = append(works, v.Interpreter)
		} else {
			lacks = append(lacks, v.Err)
		}
	}
	switch {
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case len(works) == 0:
		return nil, errors.Join(lacks...)
	}
	for _, lack := range lacks {
		log.Warn("runtime left out", "reason", lack)
	}
	return works, nil
}
