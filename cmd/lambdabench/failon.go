package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/lambdabench/lambdabench/analysis/summary"
	"github.com/lambdabench/lambdabench/bench"
)

// failOn is a file of thresholds that a run must keep.
type failOn struct {
	path       string
	thresholds []summary.Threshold
}

func (f *failOn) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.path, "fail-on", "", "a file of thresholds (docs/measuring.md); exit code 3 and a list "+
		"where the run falls short")
}

// read reads the file, before anything is run.
func (f *failOn) read() (err error) {
	if f.path == "" {
		return nil
	}
	if f.thresholds, err = bench.ReadThresholds(f.path); err != nil {
		return &usageError{err}
	}
	return nil
}

// check returns a *fellShort where the run falls short.
func (f *failOn) check(s *summary.Summary) error {
	if short := s.Check(f.thresholds); len(short) > 0 {
		return &fellShort{short}
	}
	return nil
}

// fellShort is a run that did not keep all thresholds.
type fellShort struct{ short []summary.Shortfall }

func (f *fellShort) Error() string {
	var b strings.Builder
	b.WriteString("the run falls short of thresholds:")
	for _, s := range f.short {
		fmt.Fprintf(&b, "\n  %d. %v", s.Threshold+1, s)
	}
	return b.String()
}

// onlyShort reports a run that fell short of a threshold and of which no trial failed.
func onlyShort(err error) bool {
	var short *fellShort
	failed := new(bench.TrialsFailed)
	return errors.As(err, &short) && !errors.As(err, &failed)
}
