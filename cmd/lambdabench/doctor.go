//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/lambdabench/lambdabench/runtime/cgroup"
	"github.com/lambdabench/lambdabench/runtime/isolation"
	"github.com/lambdabench/lambdabench/runtime/trial"
	"github.com/lambdabench/lambdabench/runtime/unikernel"
)

var errNothingUsable = errors.New("no backend is usable on this host: the lines above say what each one lacks")

func doctorCommand() *cobra.Command {
	var trace bool
	var f backendFlags
	var patience time.Duration
	c := &cobra.Command{
		Use: "doctor", Short: "Say what this host can run, and what it lacks",
		Long: `Say for every backend whether this host can run it, or in one sentence what the
host lacks and how to get it. Every interpreter is booted once on every backend and
runs a function that does nothing, from a snapshot where the backend takes any.
Where a setting of the host allows fewer sandboxes than its memory would hold, say
which and how to raise it. Exit code 1 when no backend is usable.`,
		Args: wrong(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if trace {
				return traceUCs(cmd)
			}
			return doctor(cmd, f, patience)
		},
	}
	c.Flags().BoolVar(&trace, "uc-trace", false,
		"show the system calls that each language runtime makes in a unikernel context, those that the library "+
			"OS does not know (ENOSYS) first")
	c.Flags().DurationVar(&patience, "patience", time.Minute,
		"how long an interpreter may take to answer, and each step of a trial to end: more on an emulated host")
	f.add(c)
	return c
}

// traceUCs boots every interpreter in a unikernel context and has it run a
// function.
func traceUCs(cmd *cobra.Command) error {
	out := cmd.OutOrStdout()
	found, err := findInterpreters(cmd.Context(), new(isolation.Finder))
	if err != nil {
		return err
	}
	for _, in := range found {
		calls, err := unikernel.Trace(cmd.Context(), in)
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "%s %s\n", in.Runtime, in.Version)
		for _, c := range calls {
			note := ""
			if c.Unknown > 0 {
				note = fmt.Sprintf("  %d answered with ENOSYS", c.Unknown)
			}
			fmt.Fprintf(out, "  %8d  %s%s\n", c.Count, c.Name, note)
		}
	}
	return nil
}

func doctor(cmd *cobra.Command, f backendFlags, patience time.Duration) (err error) {
	ctx, out := cmd.Context(), cmd.OutOrStdout()
	finder := isolation.Finder{Patience: patience}
	fmt.Fprintln(out, "interpreters")
	found := finder.All(ctx)
	for _, in := range found {
		fmt.Fprintf(out, "  %-18s %s, %s\n", in.Runtime, in.Version, in.Path)
	}
	for _, lack := range finder.Lacks(ctx) {
		fmt.Fprintf(out, "  %-18s %v\n", "", lack)
	}
	fmt.Fprintln(out, "backends")
	all, closeAll := f.open()
	defer func() { err = errors.Join(err, closeInTime(closeAll)) }()
	usable := 0
	for _, b := range all {
		verdicts, err := trial.Trial{Patience: patience}.All(ctx, b, found)
		if ctx.Err() != nil {
			return fmt.Errorf("doctor was interrupted: %w", context.Cause(ctx))
		}
		lines, works := verdictOn(verdicts, err)
		if works {
			usable++
			lines = append(lines, bindingBounds(b, availableMemory(ctx))...)
		}
		lines = append(lines, identity(ctx, b)...)
		for i, line := range strings.Split(strings.Join(lines, "\n"), "\n") {
			fmt.Fprintf(out, "  %-18s %s\n", []string{b.Name(), ""}[min(i, 1)], line)
		}
	}
	if usable == 0 {
		return errNothingUsable
	}
	return nil
}

// programmed is a backend that runs a program of the host, which has a version.
type programmed interface {
	Program() (string, error)
	Version(ctx context.Context) (string, error)
}

// identity is doctor's line on the program of a backend: which, and where it is.
// A program that is missing is the verdict's business.
func identity(ctx context.Context, b isolation.Backend) []string {
	p, ok := b.(programmed)
	if !ok {
		return nil
	}
	path, err := p.Program()
	if err != nil {
		return nil
	}
	version, err := p.Version(ctx)
	if err != nil {
		return []string{err.Error()}
	}
	return []string{version + ", " + path}
}

// verdictOn are doctor's lines on a backend, the verdict first, and whether the backend
// works with any interpreter.
func verdictOn(verdicts []trial.Verdict, probe error) (lines []string, works bool) {
	if probe != nil {
		return []string{"not usable: " + cause(probe)}, false
	}
	var good, bad []string
	for _, v := range verdicts {
		if v.Err == nil {
			good = append(good, v.Interpreter.Runtime)
		} else {
			bad = append(bad, v.Interpreter.Runtime+": "+cause(v.Err))
		}
	}
	switch {
	case len(good) > 0 && len(bad) == 0:
		return []string{"usable"}, true
	case len(good) > 0:
		return append([]string{"usable for " + strings.Join(good, ", ") + " only"}, bad...), true
	case len(bad) > 0:
		return append([]string{"not usable: " + bad[0]}, bad[1:]...), false
	}
	return []string{"not usable: there is no interpreter to try it with"}, false
}

// cause is an error as doctor tells it: the step of the trial that failed, what
// the host lacks, and the remedy.
func cause(err error) string {
	step := ""
	var failed *trial.Failure
	if errors.As(err, &failed) {
		step, err = string(failed.Step)+": ", failed.Err
	}
	var lacks *isolation.Unavailable
	switch {
	case errors.As(err, &lacks) && lacks.Remedy != "":
		return step + lacks.Lacks + "; " + lacks.Remedy
	case errors.As(err, &lacks):
		return step + lacks.Lacks
	}
	return step + err.Error()
}

// closeTime bounds the wait for backends that close: one that hangs must not keep
// doctor from its end.
const closeTime = 20 * time.Second

func closeInTime(closeAll func() error) error {
	done := make(chan error, 1)
	go func() { done <- closeAll() }()
	select {
	case err := <-done:
		return err
	case <-time.After(closeTime):
		return fmt.Errorf("the backends did not close within %v: processes may be left", closeTime)
	}
}

// availableMemory is in bytes, 0 where the host does not tell.
func availableMemory(ctx context.Context) int64 {
	m, err := cgroup.ReadMemory(ctx)
	if err != nil {
		return 0
	}
	return m.Available
}

// bindingBounds names the settings of the host that allow fewer sandboxes of a backend
// than its memory would hold, with the remedy.
func bindingBounds(b isolation.Backend, available int64) (warnings []string) {
	f, tells := b.(isolation.Footprinter)
	bounded, bounds := b.(isolation.Bounded)
	if !tells || !bounds {
		return nil
	}
	fit := available / f.Footprint()
	for _, bound := range bounded.Bounds() {
		if int64(bound.Sandboxes) < fit && bound.Remedy != "" {
			warnings = append(warnings, fmt.Sprintf("at most %d sandboxes, where memory holds %d idle ones: %s; %s",
				bound.Sandboxes, fit, bound.By, bound.Remedy))
		}
	}
	return warnings
}
