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
	"runtime"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"github.com/lambdabench/lambdabench/analysis/live"
	"github.com/lambdabench/lambdabench/platform/origin"
)

type watchFlags struct {
	listen  string
	hosts   []string
	readers int
}

func watchCommand() *cobra.Command {
	var f watchFlags
	cmd := &cobra.Command{
		Use: "watch RUN_DIR|URL", Short: "Serve a page that follows a run, or a platform, as it goes",
		Long: `Watch serves a page at --listen. Of a run folder the page shows the trials done,
failed and to go, the time left and the figures so far; of a platform (the address
of lambdabench serve) the rates of hot, warm and cold calls, latencies, sandboxes by
state and memory. The page follows by Server-Sent Events.

Watch is a process of its own, with the scheduling policy SCHED_IDLE: it reads the
run's finished files, or /metrics, once a second, and takes a processor only while
nothing else wants it. The run knows nothing of it, so a run can be followed that is
under way, and watch can be stopped at any time. It ends with the run.

It checks no password, so it listens on loopback unless told otherwise.`,
		Example: `  lambdabench watch runs/today
  lambdabench watch http://127.0.0.1:9000`,
		Args: wrong(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error { return watch(cmd, args[0], f) },
	}
	cmd.Flags().StringVar(&f.listen, "listen", "127.0.0.1:9200", "address and port of the page")
	addHosts(cmd, &f.hosts)
	cmd.Flags().IntVar(&f.readers, "readers", 0, "pages that may be open at a time (default 32)")
	return cmd
}

func watch(cmd *cobra.Command, what string, f watchFlags) error {
	if err := errors.Join(origin.Validate(f.hosts), atLeastZero("--readers", f.readers)); err != nil {
		return &usageError{err}
	}
	source, err := openSource(what)
	if err != nil {
		return &usageError{err}
	}
	log := serverLog(cmd, false)
	yieldProcessor(log)
	l, err := new(net.ListenConfig).Listen(cmd.Context(), "tcp", f.listen)
	if err != nil {
		return fmt.Errorf("listen: %w; choose another --listen", err)
	}
	if a, ok := l.Addr().(*net.TCPAddr); ok && !a.IP.IsLoopback() {
		log.Warn("anyone who reaches this address can read the page", "address", l.Addr().String())
	}
	fmt.Fprintf(cmd.OutOrStdout(), "listening on http://%s (watching %s, pid %d)\n", l.Addr(), what, os.Getpid())
	said := &lastWord{Source: source}
	err = live.Serve(cmd.Context(), l, said, live.Options{Readers: f.readers,
		Guard: func(next http.Handler) http.Handler { return origin.Guard(next, hostNames(f.listen, f.hosts)) }})
	if said.text != "" {
		fmt.Fprintln(cmd.OutOrStdout(), said.text)
	}
	return err
}

func openSource(what string) (live.Source, error) {
	if strings.Contains(what, "://") {
		return live.OpenMetrics(what)
	}
	return live.OpenFolder(what)
}

func atLeastZero(flag string, n int) error {
	if n < 0 {
		return fmt.Errorf("%s is %d: want at least 0", flag, n)
	}
	return nil
}

// lastWord keeps why a source has ended.
type lastWord struct {
	live.Source
	text string
}

// Look implements live.Source.
func (w *lastWord) Look(ctx context.Context) (live.State, error) {
	s, err := w.Source.Look(ctx)
	w.text = s.Ended
	return s, err
}

// yieldProcessor gives every thread of this process the policy SCHED_IDLE, and lets one thread
// at a time run: what is measured beside this process keeps the processors. Threads that start
// later inherit the policy.
func yieldProcessor(log *slog.Logger) {
	runtime.GOMAXPROCS(1)
	tasks, err := os.ReadDir("/proc/self/task")
	for _, task := range tasks {
		if tid, e := strconv.Atoi(task.Name()); e == nil {
			idle := unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_IDLE}
			if e := unix.SchedSetAttr(tid, &idle, 0); e != nil && !errors.Is(e, unix.ESRCH) { // a thread may have ended
				err = errors.Join(err, e)
			}
		}
	}
	if err != nil {
		log.Warn("this process competes with what it watches: no SCHED_IDLE", "error", err)
	}
}
