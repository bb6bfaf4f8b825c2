package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/lambdabench/lambdabench/workloads/traffic"
)

func tracesCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "traces", Short: "Make, sample down and describe traces of calls",
		Long: `A trace is a directory with the files of one day in the schema of 'Azure Functions
Trace 2019', or one file in that of 'Azure Functions Invocation Trace 2021'.`,
		Example: `  lambdabench traces make traces/day --functions 400 --popular 1e4
  lambdabench traces sample traces/day traces/small --functions 40
  lambdabench traces describe traces/small --from 10h --for 1h`,
		Args: wrong(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(tracesMakeCommand(), tracesSampleCommand(), tracesDescribeCommand())
	return cmd
}

func tracesMakeCommand() *cobra.Command {
	var s traffic.Synthetic
	cmd := &cobra.Command{
		Use: "make DIR", Short: "Make a synthetic day from the statistics of 'Serverless in the Wild'",
		Args: wrong(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			trace, err := s.Make()
			if err != nil {
				return &usageError{err}
			}
			if err := trace.Write(args[0], trace.Header); err != nil {
				return err
			}
			return trace.Describe().Write(cmd.OutOrStdout())
		},
	}
	cmd.Flags().IntVar(&s.Functions, "functions", 400, "number of functions")
	cmd.Flags().IntVar(&s.Minutes, "minutes", 1440, "length, from midnight")
	cmd.Flags().Uint64Var(&s.Seed, "seed", 1, "seed of everything that is drawn")
	cmd.Flags().Float64Var(&s.Popular, "popular", 0, "leave out functions above this many calls a day on average; 0 "+
		"for 10^8, as published")
	cmd.Flags().DurationVar(&s.Longest, "longest", 0, "leave out functions above this duration on average; 0 for no "+
		"bound, as published")
	return cmd
}

func tracesSampleCommand() *cobra.Command {
	var w traffic.Window
	var functions int
	var seed uint64
	cmd := &cobra.Command{
		Use:   "sample TRACE OUT",
		Short: "Sample a trace down by leaving out functions, and tell the distance to the whole",
		Args:  wrong(cobra.ExactArgs(2)),
		RunE: func(cmd *cobra.Command, args []string) error {
			trace, err := traffic.Open(args[0], w)
			if err != nil {
				return err
			}
			sample, distance, err := trace.Thin(functions, seed)
			if err != nil {
				return &usageError{err}
			}
			header := fmt.Sprintf("a sample of %d of %d functions, seed %d; %v", functions, len(trace.Functions), seed,
				distance)
			if trace.Header != "" {
				header = trace.Header + "; " + header
			}
			if err := sample.Write(args[1], header); err != nil {
				return err
			}
			sample.Header = header
			return sample.Describe().Write(cmd.OutOrStdout())
		},
	}
	cmd.Flags().IntVar(&functions, "functions", 0, "number of functions to keep")
	cmd.Flags().Uint64Var(&seed, "seed", 1, "seed of what is drawn")
	window(cmd, &w)
	return cmd
}

func tracesDescribeCommand() *cobra.Command {
	var w traffic.Window
	var o traffic.Options
	var spacing string
	cmd := &cobra.Command{
		Use: "describe TRACE", Short: "Compute the statistics of a trace, beside the published ones",
		Args: wrong(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			trace, err := traffic.Open(args[0], w)
			if err != nil {
				return err
			}
			o.Spacing = traffic.Spacing(spacing)
			plan, err := trace.Plan(o)
			if err != nil {
				return &usageError{err}
			}
			if err := trace.Describe().Write(cmd.OutOrStdout()); err != nil {
				return err
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), "plan:", plan)
			return err
		},
	}
	cmd.Flags().Uint64Var(&o.Seed, "seed", 1, "seed of what the plan draws")
	cmd.Flags().StringVar(&spacing, "spacing", string(traffic.Exponential), "gaps inside a minute: exponential, "+
		"uniform, equidistant")
	cmd.Flags().IntVar(&o.Calls, "calls", 0, "budget of calls; 0 for 10,000,000")
	cmd.Flags().Float64Var(&o.Squeeze, "squeeze", 1, "divide the times between calls")
	window(cmd, &w)
	return cmd
}

// window adds the flags of the part of a trace that is read.
func window(cmd *cobra.Command, w *traffic.Window) {
	cmd.Flags().DurationVar(&w.From, "from", 0, "where to begin in the trace, such as 10h")
	cmd.Flags().DurationVar(&w.For, "for", 0, "how much of the trace; 0 for all")
}
