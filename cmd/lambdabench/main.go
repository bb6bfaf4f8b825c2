// Command lambdabench measures how isolation backends run serverless
// functions, and runs them. `lambdabench --help` is its manual.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
)

// Exit codes.
const (
	exitOK     = 0
	exitFailed = 1
	exitUsage  = 2
	exitShort  = 3 // the run fell short of a threshold
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := execute(ctx, os.Args[1:])
	stop()
	os.Exit(code)
}

func execute(ctx context.Context, args []string) int {
	root := rootCommand()
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	var usage *usageError
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &usage):
		fmt.Fprintf(root.ErrOrStderr(), "lambdabench: %v\nSee 'lambdabench --help'.\n", err)
		return exitUsage
	}
	fmt.Fprintf(root.ErrOrStderr(), "lambdabench: %v\n", err)
	if onlyShort(err) {
		return exitShort
	}
	return exitFailed
}

// usageError is a wrong use of the command: flags, arguments, suites.
type usageError struct{ err error }

func (u *usageError) Error() string { return u.err.Error() }
func (u *usageError) Unwrap() error { return u.err }

const manual = `LambdaBench runs functions on interchangeable isolation backends (Linux processes,
OCI containers, unikernel snapshots) and measures them: deploy time, throughput
against the number of functions, density, bursts.

A suite (YAML, see configs/) says what is measured. A run leaves a folder with
the suite, the machine's description, one raw record per invocation, figures and
report.html; report draws them again from the records alone.

Exit codes: 0 done, 1 failed, 2 wrong use, 3 short of a threshold (--fail-on).`

const examples = `  lambdabench doctor                          what this host can run, and what it lacks
  lambdabench run configs/quick.yaml          each of the paper's figures, in a few minutes
  lambdabench run configs/reference.yaml --out runs/ref --backends process,unikernel
  lambdabench run configs/quick.yaml --only deploy
  lambdabench report runs/ref                 tables, figures and report.html again
  lambdabench compare runs/old runs/new       what changed, '~' where no difference is shown
  lambdabench watch runs/ref                  a page that follows a run, or a platform, as it goes
  lambdabench traces make traces/day          a synthetic day of calls; sample and describe others
  lambdabench export --csv runs/ref           every record as one table, for R or pandas
  lambdabench serve --backend process         the platform itself, AWS Lambda's and OpenWhisk's API
  lambdabench mpsc --config configs/mpsc.yaml monitor several providers, recommend one`

func rootCommand() *cobra.Command {
	root := &cobra.Command{
		Use: "lambdabench", Short: "Run functions on interchangeable isolation backends, and measure them",
		Long: manual, Example: examples,
		SilenceErrors: true, SilenceUsage: true, Args: wrong(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.CompletionOptions.HiddenDefaultCmd = true
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return &usageError{err} })
	root.AddCommand(reportCommand(), compareCommand(), exportCommand(), tracesCommand())
	root.AddCommand(hostCommands()...)
	return root
}

// wrong marks what args refuses as wrong use.
func wrong(args cobra.PositionalArgs) cobra.PositionalArgs {
	return func(cmd *cobra.Command, a []string) error {
		if err := args(cmd, a); err != nil {
			return &usageError{err}
		}
		return nil
	}
}
