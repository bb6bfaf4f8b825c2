package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/lambdabench/lambdabench/runtime"
)

var errNothingUsable = errors.New("no backend is usable on this host")

func doctorCommand() *cobra.Command {
	return &cobra.Command{
		Use: "doctor", Short: "Say what this host can run, and what it lacks",
		Long: `Say for every backend whether this host can run it, or in one sentence what the
host lacks and how to get it. Exit code 1 when no backend is usable.`,
		Args: wrong(cobra.NoArgs),
		RunE: doctor,
	}
}

func doctor(cmd *cobra.Command, _ []string) error {
	out := cmd.OutOrStdout()
	fmt.Fprintln(out, "interpreters")
	found := runtime.Interpreters(cmd.Context())
	for _, in := range found {
		fmt.Fprintf(out, "  %-18s %s, %s\n", in.Runtime, in.Version, in.Path)
	}
	if len(found) == 0 {
		fmt.Fprintln(out, "  none: install Node.js 18 or later, or CPython 3.11 or later (apt-get install nodejs python3)")
	}
	fmt.Fprintln(out, "backends")
	all, closeAll := openBackends()
	usable := 0
	for _, b := range all {
		err := b.Probe(cmd.Context())
		if err == nil {
			usable++
		}
		fmt.Fprintf(out, "  %-18s %s\n", b.Name(), verdict(err))
	}
	if err := closeAll(); err != nil {
		return err
	}
	if usable == 0 {
		return errNothingUsable
	}
	return nil
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
