//go:build linux

package main

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"

	"github.com/spf13/cobra"

	"github.com/lambdabench/lambdabench/platform"
	"github.com/lambdabench/lambdabench/runtime/backends"
	"github.com/lambdabench/lambdabench/runtime/isolation"
)

func serveCommand() *cobra.Command {
	var listen, data, backend, config string
	var hosts []string
	var verbose, pprof bool
	var f backendFlags
	cmd := &cobra.Command{
		Use: "serve", Short: "Run the platform: AWS Lambda's REST API over one backend",
		Long: `Serve runs functions behind AWS Lambda's REST API, until it is interrupted. The
AWS CLI and SDKs are its clients: point them at it with an endpoint URL and any
credentials. It checks no signature, so it listens on loopback unless told
otherwise; there it answers to localhost, an IP address, the name in --listen and
those of --host, so that no web page can reach it under a name of its own.
/metrics is for Prometheus, /healthz for a load balancer, and with --pprof
/debug/pprof/ for go tool pprof.`,
		Example: `  lambdabench serve --backend process
  aws lambda list-functions --endpoint-url http://127.0.0.1:9000 --region us-east-1`,
		Args: wrong(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg := platform.Default()
			if config != "" {
				var err error
				if cfg, err = platform.ReadConfig(config); err != nil {
					return &usageError{err}
				}
			}
			if data != "" {
				cfg.Data = data
			}
			cfg.Pprof = cfg.Pprof || pprof
			cfg.Hosts = append(cfg.Hosts, hostNames(listen, hosts)...)
			return serve(cmd, cfg, f.isolation(), backend, listen, serverLog(cmd, verbose))
		},
	}
	cmd.Flags().StringVar(&listen, "listen", "127.0.0.1:9000", "address and port")
	addHosts(cmd, &hosts)
	cmd.Flags().StringVar(&data, "data", "", "directory of functions and code (default \"data\")")
	cmd.Flags().StringVar(&backend, "backend", "process", "isolation backend (see lambdabench doctor)")
	f.add(cmd)
	cmd.Flags().StringVar(&config, "config", "", "platform settings, YAML (see configs/platform.yaml)")
	cmd.Flags().BoolVar(&pprof, "pprof", false, "serve profiles of the platform itself at /debug/pprof/")
	cmd.Flags().BoolVar(&verbose, "verbose", false, "log at debug level")
	return cmd
}

func serve(
	cmd *cobra.Command, cfg platform.Config, settings backends.Config, name, listen string, log *slog.Logger,
) (err error) {
	ctx := cmd.Context()
	settings.Log, settings.Allow = log, cfg.Network.Allow
	backend, err := backends.ByName(settings, name)
	if err != nil {
		return &usageError{err}
	}
	defer func() { err = errors.Join(err, backend.Close()) }()
	interpreters, err := workingInterpreters(ctx, backend, new(isolation.Finder), log)
	if err != nil {
		return err
	}
	p, err := platform.Open(cfg, backend, interpreters, log)
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", listen)
	if err != nil {
		return errors.Join(fmt.Errorf("listen: %w; choose another --listen", err), p.Close())
	}
	warnIfExposed(l, log)
	fmt.Fprintf(cmd.OutOrStdout(), "listening on http://%s (backend %s, pid %d)\n", l.Addr(), name, os.Getpid())
	return p.Serve(ctx, l)
}

// serverLog is the log of a command that serves until it is interrupted: JSON for
// programs that collect logs.
func serverLog(cmd *cobra.Command, verbose bool) *slog.Logger {
	level := slog.LevelInfo
	if verbose {
		level = slog.LevelDebug
	}
	return slog.New(slog.NewJSONHandler(cmd.ErrOrStderr(), &slog.HandlerOptions{Level: level}))
}

// addHosts adds the flag for names that a reverse proxy passes on.
func addHosts(cmd *cobra.Command, hosts *[]string) {
	cmd.Flags().StringSliceVar(hosts, "host", nil,
		"a `name` under which clients reach a loopback listener, as behind a reverse proxy; may be repeated")
}

// hostNames are those of --host and the one in --listen.
func hostNames(listen string, hosts []string) []string {
	if name, _, err := net.SplitHostPort(listen); err == nil && name != "" {
		return append(hosts, name)
	}
	return hosts
}

// warnIfExposed warns of an address that other hosts can reach.
func warnIfExposed(l net.Listener, log *slog.Logger) {
	if a, ok := l.Addr().(*net.TCPAddr); ok && !a.IP.IsLoopback() {
		log.Warn("anyone who reaches this address can run code here: the API checks no signature",
			"address", l.Addr().String())
	}
}
