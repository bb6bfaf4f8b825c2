//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/lambdabench/lambdabench/platform/mpsc"
	"github.com/lambdabench/lambdabench/platform/worker"
	"github.com/lambdabench/lambdabench/runtime/backends"
	"github.com/lambdabench/lambdabench/runtime/isolation"
	"github.com/lambdabench/lambdabench/runtime/trial"
)

type mpscFlags struct {
	config, listen, backend string
	hosts                   []string
	verbose                 bool
	backendFlags
}

func mpscCommand() *cobra.Command {
	var f mpscFlags
	cmd := &cobra.Command{
		Use: "mpsc --config FILE", Short: "Monitor several FaaS providers, and recommend where to run a function",
		Long: `Mpsc tests functions at several providers (AWS Lambda, OpenWhisk, any URL, other
platforms of ours), keeps every test in a database, and recommends a provider by
a schedule. Schedules are built in or uploaded in Python; those run in a sandbox
of the backend. POST /run/FUNCTION runs a function at the recommended provider and
falls over to the next. /openapi.yaml describes the REST API. It checks no
signature, so it listens on loopback unless told otherwise. It runs until it is
interrupted.

Credentials come from the environment, never from the file.`,
		Example: `  lambdabench mpsc --config configs/mpsc.yaml
  curl http://127.0.0.1:9100/schedule/hello
  curl -T fast.py http://127.0.0.1:9100/schedules/fast`,
		Args: wrong(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if f.config == "" {
				return &usageError{errors.New("mpsc needs --config, such as configs/mpsc.yaml")}
			}
			return runMPSC(cmd, f)
		},
	}
	cmd.Flags().StringVar(&f.config, "config", "", "providers and schedules, YAML (see configs/mpsc.yaml)")
	cmd.Flags().StringVar(&f.listen, "listen", "127.0.0.1:9100", "address and port")
	cmd.Flags().StringVar(&f.backend, "backend", "",
		"where users' schedules run (default: the first usable of unikernel, process)")
	f.backendFlags.add(cmd)
	addHosts(cmd, &f.hosts)
	cmd.Flags().BoolVar(&f.verbose, "verbose", false, "log at debug level")
	return cmd
}

func runMPSC(cmd *cobra.Command, f mpscFlags) (err error) {
	ctx := cmd.Context()
	cfg, err := mpsc.ReadConfig(f.config)
	if err != nil {
		return &usageError{err}
	}
	cfg.Hosts = append(cfg.Hosts, hostNames(f.listen, f.hosts)...)
	log := serverLog(cmd, f.verbose)
	python := newestPython(new(isolation.Finder).All(ctx))
	backend, err := scheduleBackend(ctx, f.isolation(), f.backend, python)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, backend.Close()) }()
	dir, remove, err := mpsc.MakeScheduleDir()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, remove()) }()
	sandbox, closeSandbox, err := scheduleSandbox(backend, python, dir, log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closeSandbox()) }()
	db, err := mpsc.OpenDatabase(cfg.Database)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if damage := db.Damage(); damage != nil {
		log.Error("part of the metrics database cannot be read: " + damage.Error())
	}
	c, err := mpsc.NewController(cfg, db, mpsc.Options{Sandbox: sandbox, Log: log, Seed: uint64(time.Now().UnixNano())})
	if errors.Is(err, mpsc.ErrUnknownSchedule) || errors.Is(err, mpsc.ErrNoCredentials) {
		return &usageError{fmt.Errorf("%s: %w", f.config, err)}
	}
	if err != nil {
		return err
	}
	defer c.Close()
	l, err := net.Listen("tcp", f.listen)
	if err != nil {
		return fmt.Errorf("listen: %w; choose another --listen", err)
	}
	warnIfExposed(l, log)
	fmt.Fprintf(cmd.OutOrStdout(), "listening on http://%s (schedules on backend %s, pid %d)\n", l.Addr(),
		backend.Name(), os.Getpid())
	return serveMPSC(ctx, c, l, cfg.Timeout, log)
}

// newestPython is the newest CPython of those found, which come newest first.
func newestPython(found []isolation.Interpreter) []isolation.Interpreter {
	for _, in := range found {
		if in.Language == isolation.Python {
			return []isolation.Interpreter{in}
		}
	}
	return nil
}

// scheduleBackend is the backend that is named, or the first that works.
func scheduleBackend(
	ctx context.Context, cfg backends.Config, name string, python []isolation.Interpreter,
) (isolation.Backend, error) {
	names := []string{name}
	if name == "" {
		names = []string{"unikernel", "process"}
	}
	var lacks []error
	for _, n := range names {
		b, err := backends.ByName(cfg, n)
		if err != nil {
			return nil, &usageError{err}
		}
		verdicts, err := trial.Trial{}.All(ctx, b, python)
		for _, v := range verdicts {
			err = errors.Join(err, v.Err)
		}
		if err == nil {
			return b, nil
		}
		lacks = append(lacks, err, b.Close())
	}
	return nil, errors.Join(lacks...)
}

// scheduleSandbox is a worker with Python. Without it there are the built-in
// schedules only.
func scheduleSandbox(
	b isolation.Backend, python []isolation.Interpreter, dir string, log *slog.Logger,
) (mpsc.Sandbox, func() error, error) {
	if len(python) == 0 {
		log.Warn("CPython 3.11 or later is not installed: schedules cannot be uploaded")
		return mpsc.Sandbox{}, func() error { return nil }, nil
	}
	w, err := worker.New(worker.Config{Log: log}, b, python)
	if err != nil {
		return mpsc.Sandbox{}, nil, err
	}
	return mpsc.Sandbox{Runner: w, Runtime: python[0].Runtime, Dir: dir}, w.Close, nil
}

// serveMPSC answers and monitors until ctx ends. Calls under way may then finish within
// the time-out of a call.
func serveMPSC(ctx context.Context, c *mpsc.Controller, l net.Listener, grace time.Duration, log *slog.Logger) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	srv := &http.Server{Handler: mpsc.Handler(c), ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute,
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug)}
	monitored, served := make(chan error, 1), make(chan error, 1)
	go func() { monitored <- c.Run(ctx) }()
	go func() { served <- srv.Serve(l) }()
	var err error
	select {
	case err = <-served:
	case <-ctx.Done():
		log.Info("shutting down", "grace", grace)
		rest, stop := context.WithTimeout(context.WithoutCancel(ctx), grace)
		if e := srv.Shutdown(rest); e != nil {
			log.Warn("calls were still running at the end of the grace period", "error", e)
			err = srv.Close()
		}
		stop()
		if e := <-served; !errors.Is(e, http.ErrServerClosed) {
			err = errors.Join(err, e)
		}
	}
	cancel()
	if e := <-monitored; !errors.Is(e, context.Canceled) {
		err = errors.Join(err, e)
	}
	return err
}
