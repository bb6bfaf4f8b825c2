package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/shirou/gopsutil/v4/mem"
	"github.com/spf13/cobra"

	"github.com/lambdabench/lambdabench/runtime"
	"github.com/lambdabench/lambdabench/runtime/unikernel"
)

var (
	errNothingUsable = errors.New("no backend is usable on this host")
	errNoInterpreter = errors.New("no interpreter is installed: " + getInterpreter)
)

const getInterpreter = "install Node.js 18 or later, or CPython 3.11 or later (apt-get install nodejs python3)"

func doctorCommand() *cobra.Command {
	var trace bool
	var f backendFlags
	c := &cobra.Command{
		Use: "doctor", Short: "Say what this host can run, and what it lacks",
		Long: `Say for every backend whether this host can run it, or in one sentence what the
host lacks and how to get it. Where a setting of the host allows fewer sandboxes
than its memory would hold, say which and how to raise it. Exit code 1 when no
backend is usable.`,
		Args: wrong(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if trace {
				return traceUCs(cmd)
			}
			return doctor(cmd, f)
		},
	}
	c.Flags().BoolVar(&trace, "uc-trace", false, "show the system calls that each language runtime makes in a unikernel context, those that the library OS does not know (ENOSYS) first")
	f.add(c)
	return c
}

// traceUCs boots every interpreter in a unikernel context and has it run a
// function.
func traceUCs(cmd *cobra.Command) error {
	out := cmd.OutOrStdout()
	found := runtime.Interpreters(cmd.Context())
	if len(found) == 0 {
		return errNoInterpreter
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

func doctor(cmd *cobra.Command, f backendFlags) error {
	out := cmd.OutOrStdout()
	fmt.Fprintln(out, "interpreters")
	found := runtime.Interpreters(cmd.Context())
	for _, in := range found {
		fmt.Fprintf(out, "  %-18s %s, %s\n", in.Runtime, in.Version, in.Path)
	}
	if len(found) == 0 {
		fmt.Fprintln(out, "  none: "+getInterpreter)
	}
	fmt.Fprintln(out, "backends")
	all, closeAll := f.open()
	usable := 0
	for _, b := range all {
		err := b.Probe(cmd.Context())
		if err == nil {
			usable++
		}
		fmt.Fprintf(out, "  %-18s %s\n", b.Name(), verdict(err))
		if err == nil {
			for _, warning := range bindingBounds(b, availableMemory(cmd.Context())) {
				fmt.Fprintf(out, "  %-18s %s\n", "", warning)
			}
		}
	}
	if err := closeAll(); err != nil {
		return err
	}
	if usable == 0 {
		return errNothingUsable
	}
	return nil
}

// availableMemory is in bytes, 0 where the host does not tell.
func availableMemory(ctx context.Context) int64 {
	m, err := mem.VirtualMemoryWithContext(ctx)
	if err != nil {
		return 0
	}
	return int64(m.Available)
}

// bindingBounds warns of what keeps the sandboxes of a backend below the number
// of idle ones that the memory would hold, and can be lifted.
func bindingBounds(b runtime.Backend, available int64) (warnings []string) {
	f, tells := b.(runtime.Footprinter)
	bounded, bounds := b.(runtime.Bounded)
	if !tells || !bounds {
		return nil
	}
	fit := available / f.Footprint()
	for _, bound := range bounded.Bounds() {
		if int64(bound.Sandboxes) < fit && bound.Remedy != "" {
			warnings = append(warnings, fmt.Sprintf("at most %d sandboxes, where memory holds %d idle ones: %s; %s", bound.Sandboxes, fit, bound.By, bound.Remedy))
		}
	}
	return warnings
}

func verdict(err error) string {
	var lacks *runtime.Unavailable
	switch {
	case err == nil:
		return "usable"
	case errors.As(err, &lacks) && lacks.Remedy != "":
		return "not usable: " + lacks.Lacks + "; " + lacks.Remedy
	case errors.As(err, &lacks):
		return "not usable: " + lacks.Lacks
	}
	return "not usable: " + err.Error()
}
