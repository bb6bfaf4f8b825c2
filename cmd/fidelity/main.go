// Command fidelity measures how much of CPython's or Node.js's own test suite
// passes in a unikernel context. See package fidelity for the rule and for
// where the suites come from.
//
//	go run ./cmd/fidelity python DIRECTORY/test
//	go run ./cmd/fidelity -sample 400 -seed 13 node DIRECTORY/test
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"

	"github.com/lambdabench/lambdabench/runtime/unikernel/fidelity"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "fidelity:", err)
		os.Exit(1)
	}
}

func defaultOut() string {
	dir, err := os.UserCacheDir()
	if err != nil {
		return "fidelity"
	}
	return filepath.Join(dir, "lambdabench", "fidelity")
}

func run(ctx context.Context) error {
	out := flag.String("out", defaultOut(),
		"directory of results; a UC has a /tmp and a /var/tmp of its own, so not there")
	sample := flag.Int("sample", 0, "number of modules or files to draw; 0: all")
	seed := flag.Uint64("seed", 13, "seed of the draw")
	only := flag.String("only", "", "comma-separated modules or files, instead of a sample")
	bar := flag.Float64("bar", 0, "percentage below which the command fails")
	flag.Parse()
	if flag.NArg() != 2 {
		return fmt.Errorf("want python DIRECTORY or node DIRECTORY (the suite's directory test), not %q", flag.Args())
	}
	dir, err := filepath.Abs(flag.Arg(1))
	if err != nil {
		return err
	}
	var s *fidelity.Suite
	switch flag.Arg(0) {
	case "python":
		s, err = fidelity.Python(ctx, dir, filepath.Join(*out, "python"))
	case "node":
		s, err = fidelity.NodeJS(ctx, dir)
	default:
		return fmt.Errorf("no suite is called %q: python or node", flag.Arg(0))
	}
	if err != nil {
		return err
	}
	units := fidelity.Sample(s.Units, *sample, *seed)
	if *only != "" {
		units = strings.Split(*only, ",")
	}
	lab := fidelity.Lab{Out: *out}
	rep, err := lab.Run(ctx, s, units, func(l string) { fmt.Fprintln(os.Stderr, l) })
	if err != nil {
		return err
	}
	if _, err := rep.WriteTo(os.Stdout); err != nil {
		return err
	}
	if p := rep.Percent(); p < *bar {
		return fmt.Errorf("%.2f %% is below %.2f %%", p, *bar)
	}
	return nil
}
