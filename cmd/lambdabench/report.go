package main

import (
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/lambdabench/lambdabench/analysis/report"
)

type reportFlags struct {
	baseline string
	paper    string
}

func reportCommand() *cobra.Command {
	var f reportFlags
	cmd := &cobra.Command{
		Use: "report RUN_DIR", Short: "Draw a run's tables, figures and report.html again",
		Long: `Report reads the records of a run and writes summary.json, figures/ and
report.html into its folder. It runs nothing: two calls on one folder write the
same bytes. With --paper it also fills the marked blocks of a Markdown file.`,
		Example: `  lambdabench report runs/today
  lambdabench report runs/today --paper PAPER.md`,
		Args: wrong(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error { return reportRun(cmd, args[0], f) },
	}
	cmd.Flags().StringVar(&f.baseline, "baseline", "", "the backend that ratios are taken against")
	cmd.Flags().StringVar(&f.paper, "paper", "", "a Markdown file whose marked blocks are filled from the run")
	return cmd
}

// reportRun analyses a run, prints its tables and ends with the report's path.
func reportRun(cmd *cobra.Command, dir string, f reportFlags) error {
	summary, err := report.Write(dir, f.baseline)
	if err != nil {
		return err
	}
	if err := report.Tables(cmd.OutOrStdout(), summary); err != nil {
		return err
	}
	if f.paper != "" {
		if err := report.FillPaper(f.paper, summary, dir); err != nil {
			return err
		}
	}
	fmt.Fprintln(cmd.OutOrStdout(), filepath.Join(dir, report.File))
	return nil
}

func compareCommand() *cobra.Command {
	return &cobra.Command{
		Use: "compare RUN_DIR RUN_DIR", Short: "Compare two runs, '~' where no difference is shown",
		Long: `Compare sets the results that two runs have in common side by side: old, new,
their ratio, and the p-value of a rank test. '~' stands where no difference is
shown at the 5 % level. Differing machines and suites are warned of.`,
		Args: wrong(cobra.ExactArgs(2)),
		RunE: func(cmd *cobra.Command, args []string) error {
			return report.Compare(args[0], args[1], cmd.OutOrStdout())
		},
	}
}
