package main

import (
	"bufio"
	"errors"

	"github.com/spf13/cobra"

	"github.com/lambdabench/lambdabench/analysis/record"
)

func exportCommand() *cobra.Command {
	asCSV := false
	cmd := &cobra.Command{
		Use: "export --csv RUN_DIR", Short: "Write every record of a run as one table",
		Long: `Export writes every record of a run to the standard output as one table, a line a
record, for R, pandas or a spreadsheet. docs/measuring.md lists the columns.`,
		Example: `  lambdabench export --csv runs/today > today.csv`,
		Args:    wrong(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			if !asCSV {
				return &usageError{errors.New("export: name the format, --csv")}
			}
			out := bufio.NewWriter(cmd.OutOrStdout())
			return errors.Join(record.WriteCSV(out, args[0]), out.Flush())
		},
	}
	cmd.Flags().BoolVar(&asCSV, "csv", false, "as comma-separated values, RFC 4180")
	return cmd
}
