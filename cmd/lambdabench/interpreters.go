//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/lambdabench/lambdabench/runtime/isolation"
	"github.com/lambdabench/lambdabench/runtime/trial"
)

// findInterpreters are the interpreters of this host; an error says why there are
// none.
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

// workingInterpreters tries each interpreter on the backend and returns those that work.
// An error says why none does.
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
