//go:build linux

package main

import (
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/lambdabench/lambdabench/bench"
	"github.com/lambdabench/lambdabench/bench/experiment"
)

func listCommand() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List experiments, backends and suites",
		Long: "List the experiments with what they measure, the backends, and the suites in configs/.",
		Args: wrong(cobra.NoArgs),
		RunE: list,
	}
}

func list(cmd *cobra.Command, _ []string) error {
	out := cmd.OutOrStdout()
	fmt.Fprintln(out, "experiments")
	for _, e := range experiment.All() {
		fmt.Fprintf(out, "  %-12s %s\n", e.Name(), e.Doc())
	}
	fmt.Fprintln(out, "backends (see lambdabench doctor)")
	all, closeAll := backendFlags{}.open()
	for _, b := range all {
		fmt.Fprintf(out, "  %s\n", b.Name())
	}
	if err := closeAll(); err != nil {
		return err
	}
	fmt.Fprintln(out, "suites")
	files, err := filepath.Glob("configs/*.yaml")
	if err != nil {
		return err
	}
	for _, f := range files {
		if su, err := bench.ReadSuite(f, experiment.All); err == nil {
			fmt.Fprintf(out, "  %-24s %s\n", f, su.About)
		}
	}
	return nil
}
