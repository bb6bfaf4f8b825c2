//go:build linux

package main

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/lambdabench/lambdabench/bench"
	"github.com/lambdabench/lambdabench/bench/experiment"
	"github.com/lambdabench/lambdabench/runtime/backends"
	"github.com/lambdabench/lambdabench/runtime/container"
	"github.com/lambdabench/lambdabench/runtime/isolation"
)

type runFlags struct {
	out      string
	backends []string
	only     []string
	verbose  bool
	wide     bool
	failOn   failOn
	patience time.Duration
	backendFlags
}

func runCommand() *cobra.Command {
	var f runFlags
	cmd := &cobra.Command{
		Use: "run SUITE.yaml", Short: "Run a suite of experiments and report",
		Long: `Run a suite of experiments, print its tables and leave the run in a folder.

An interrupted run (Ctrl-C, a crash) keeps its finished trials: the same command
with the same --out does what is missing.`,
		Example: `  lambdabench run configs/quick.yaml
  lambdabench run configs/reference.yaml --out runs/ref
  lambdabench run configs/quick.yaml --backends process --only deploy,density`,
		Args: wrong(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error { return run(cmd, args[0], f) },
	}
	cmd.Flags().StringVar(&f.out, "out", "", "run folder (default runs/DATE-TIME-SUITE)")
	cmd.Flags().StringSliceVar(&f.backends, "backends", nil, "only these backends, instead of the suite's")
	cmd.Flags().StringSliceVar(&f.only, "only", nil, "only these experiments of the suite")
	f.backendFlags.add(cmd)
	cmd.Flags().DurationVar(&f.patience, "patience", 0,
		"how long a backend may take to start a sandbox, and each step of its trial: more on an emulated host "+
			"(default: the platform's)")
	addWide(cmd, &f.wide)
	f.failOn.add(cmd)
	cmd.Flags().BoolVarP(&f.verbose, "verbose", "v", false, "log what the platform does")
	return cmd
}

func run(cmd *cobra.Command, path string, f runFlags) error {
	suite, err := bench.ReadSuite(path, experiment.All)
	if err != nil {
		return &usageError{err}
	}
	if err := f.failOn.read(); err != nil {
		return err
	}
	if len(f.backends) > 0 {
		suite.Backends = bench.Names{List: f.backends}
	}
	out := f.out
	if out == "" {
		out = bench.DefaultFolder(suite, time.Now())
	}
	r := bench.Runner{
		Open: func(allow []string) []isolation.Backend {
			cfg := f.isolation()
			cfg.Allow = allow
			return backends.All(cfg)
		},
		Only: f.only, Patience: f.patience, Progress: bench.NewProgress(os.Stderr), Log: logger(f.verbose),
	}
	err = r.Run(cmd.Context(), suite, out)
	var failed *bench.TrialsFailed
	switch {
	case cmd.Context().Err() != nil:
		return fmt.Errorf("interrupted; finished trials are kept. To go on: %s", resume(path, out, f))
	case errors.Is(err, bench.ErrUnknown):
		return &usageError{err}
	case errors.As(err, &failed):
		// the failures themselves are on the screen already
		err = fmt.Errorf("%w; to try them again: %s", err, resume(path, out, f))
	case slices.ContainsFunc(bench.NothingRun, func(e error) bool { return errors.Is(err, e) }):
		return err // the same command would fail again
	case err != nil:
		return fmt.Errorf("%w\nfinished trials are kept. To go on: %s", err, resume(path, out, f))
	}
	return errors.Join(reportRun(cmd, out, reportFlags{wide: f.wide, failOn: f.failOn}), err)
}

// resume is the command that continues a run.
func resume(path, out string, f runFlags) string {
	args := []string{"lambdabench", "run", path, "--out", out}
	for _, b := range f.backends {
		args = append(args, "--backends", b)
	}
	for _, o := range f.only {
		args = append(args, "--only", o)
	}
	if f.network != "" {
		args = append(args, "--"+container.NetworkFlag, string(f.network))
	}
	if f.failOn.path != "" {
		args = append(args, "--fail-on", f.failOn.path)
	}
	if f.patience > 0 {
		args = append(args, "--patience", f.patience.String())
	}
	if f.verbose {
		args = append(args, "--verbose")
	}
	for i, a := range args {
		if a == "" || strings.ContainsAny(a, " \t\n'\"\\$`&|;<>()*?[]#~!{}") {
			args[i] = "'" + strings.ReplaceAll(a, "'", `'\''`) + "'" // for a shell, as it is
		}
	}
	return strings.Join(args, " ")
}

func logger(verbose bool) *slog.Logger {
	level := slog.LevelWarn
	if verbose {
		level = slog.LevelDebug
	}
	return slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: level}))
}
