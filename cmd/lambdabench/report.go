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
	readme   string
	wide     bool
	failOn   failOn
}

func reportCommand() *cobra.Command {
	var f reportFlags
	cmd := &cobra.Command{
		Use: "report RUN_DIR", Short: "Draw a run's tables, figures and report.html again",
		Long: `Report reads the records of a run and writes summary.json, figures/ and
report.html into its folder. It runs nothing: two calls on one folder write the
same bytes. With --paper and --readme it also fills the marked blocks of Markdown
files. The tables are as wide as the terminal, or as COLUMNS says, and name the
columns that they leave out; into a pipe or a file they leave out none.`,
		Example: `  lambdabench report runs/today
  lambdabench report runs/today --paper PAPER.md`,
		Args: wrong(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := f.failOn.read(); err != nil {
				return err
			}
			return reportRun(cmd, args[0], f)
		},
	}
	cmd.Flags().StringVar(&f.baseline, "baseline", "", "the backend that ratios are taken against")
	cmd.Flags().StringVar(&f.paper, "paper", "", "a Markdown file whose marked blocks are filled from the run")
	cmd.Flags().StringVar(&f.readme, "readme", "", "a Markdown file into which what was found and not shown is written")
	addWide(cmd, &f.wide)
	f.failOn.add(cmd)
	return cmd
}

// reportRun analyses a run, prints its tables and ends with the report's path.
func reportRun(cmd *cobra.Command, dir string, f reportFlags) error {
	summary, err := report.Write(dir, f.baseline)
	if err != nil {
		return err
	}
	if err := report.Tables(cmd.OutOrStdout(), summary, tableWidth(cmd.OutOrStdout(), f.wide)); err != nil {
		return err
	}
	if f.paper != "" {
		if err := report.FillPaper(f.paper, summary, dir); err != nil {
			return err
		}
	}
	if f.readme != "" {
		if err := report.FillReadme(f.readme, summary); err != nil {
			return err
		}
	}
	fmt.Fprintln(cmd.OutOrStdout(), filepath.Join(dir, report.File))
	return f.failOn.check(summary)
}

func compareCommand() *cobra.Command {
	var wide bool
	cmd := &cobra.Command{
		Use: "compare RUN_DIR RUN_DIR", Short: "Compare two runs, '~' where no difference is shown",
		Long: `Compare sets the results that two runs have in common side by side: old, new,
their ratio, and the p-value of a rank test over trials. '~' stands where no
difference is shown at the 5 % level, 'too few trials' where a run has fewer than
six. Differing machines and suites are warned of.`,
		Args: wrong(cobra.ExactArgs(2)),
		RunE: func(cmd *cobra.Command, args []string) error {
			out := cmd.OutOrStdout()
			return report.Compare(args[0], args[1], out, tableWidth(out, wide))
		},
	}
	addWide(cmd, &wide)
	return cmd
}
