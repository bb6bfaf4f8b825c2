package fidelity

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/lambdabench/lambdabench/runtime/unikernel/program"
)

// attempt is one run of a unit's program.
type attempt struct {
	lines  chan []byte // what the program reports
	tail   *tail       // the end of what it printed
	cancel func()
	wait   func() error
}

// process runs units as processes of this host.
type process struct{ dir string }

func (process) name() string { return "process" }

func (p process) run(ctx context.Context, s *Suite, unit string) ([]Result, error) {
	return s.results(ctx, unit, func(ctx context.Context, argv []string) (*attempt, error) {
		tmp, err := os.MkdirTemp(p.dir, "process-")
		if err != nil {
			return nil, err
		}
		cmd := exec.Command(argv[0], argv[1:]...)
		cmd.Dir = tmp
		cmd.Env = append(s.env(), "TMPDIR="+tmp, "NODE_TEST_DIR="+tmp)
		r, w, err := os.Pipe()
		if err != nil {
			return nil, err
		}
		cmd.ExtraFiles = []*os.File{w}
		a := &attempt{lines: make(chan []byte, 64), tail: &tail{}}
		cmd.Stdout, cmd.Stderr = a.tail, a.tail
		err = a.start(cmd)
		w.Close()
		if err != nil {
			r.Close()
			return nil, err
		}
		go a.read(r, io.Discard)
		a.wait = func() error { defer os.RemoveAll(tmp); return cmd.Wait() }
		return a, nil
	})
}

// uc runs units in UCs.
type uc struct{ host *program.Host }

func (uc) name() string { return "uc" }

func (u uc) run(ctx context.Context, s *Suite, unit string) ([]Result, error) {
	return s.results(ctx, unit, func(ctx context.Context, argv []string) (*attempt, error) {
		ctx, cancel := context.WithCancel(ctx)
		a := &attempt{lines: make(chan []byte, 64), tail: &tail{}}
		r, w := io.Pipe()
		// Reports and what else the program prints go one way, as they do where both are pipes.
		report := func(p []byte) { _, _ = w.Write(p) } // fails once nobody reads
		ended := make(chan error, 1)
		go func() {
			end, err := u.host.Run(ctx, program.Program{
				Args: argv, Env: append(s.env(), "TMPDIR=/tmp", "NODE_TEST_DIR=/tmp"),
				Data: report,
				Console: func(stream uint32, text []byte) {
					if stream == 1 {
						report(text)
					} else {
						_, _ = a.tail.Write(text) // a tail takes everything
					}
				},
			})
			if err == nil && end.Status != 0 {
				err = fmt.Errorf("exit status %d: %s", end.Status, end.Why)
				fmt.Fprintln(a.tail, err)
			}
			w.Close()
			ended <- err
		}()
		go a.read(r, a.tail)
		a.cancel = func() { cancel(); r.Close() }
		a.wait = func() error { defer cancel(); return <-ended }
		return a, nil
	})
}

// start starts the program as the leader of a process group, which cancel
// ends with all that it has made.
func (a *attempt) start(cmd *exec.Cmd) error {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.WaitDelay = 5 * time.Second
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start %s: %w", filepath.Base(cmd.Path), err)
	}
	pid := cmd.Process.Pid
	a.cancel = func() { _ = syscall.Kill(-pid, syscall.SIGKILL) } // it may have ended already
	return nil
}

// read passes on the program's reports, and what else it prints to other.
func (a *attempt) read(r io.ReadCloser, other io.Writer) {
	defer r.Close()
	defer close(a.lines)
	in := bufio.NewReaderSize(r, 1<<20)
	for {
		l, err := in.ReadSlice('\n')
		if bytes.HasPrefix(l, []byte{0x1e}) {
			a.lines <- bytes.Clone(l[1:])
		} else if len(l) > 0 {
			_, _ = other.Write(l) // a tail takes everything
		}
		if err != nil && err != bufio.ErrBufferFull {
			return
		}
	}
}

// report is a line of runner.py.
type report struct {
	Start, End, Fixture *string
	Done                *int
	Number              int
	Outcome             Outcome
	Why                 string
	Forked              bool
}

type starter func(ctx context.Context, argv []string) (*attempt, error)

// results runs a unit to its end, with a new program behind every test that
// ended the last one.
func (s *Suite) results(ctx context.Context, unit string, start starter) ([]Result, error) {
	if !s.lines {
		return s.single(ctx, unit, start)
	}
	var all []Result
	for first := 0; ; {
		a, err := start(ctx, s.argv(unit, first))
		if err != nil {
			return nil, err
		}
		done, next, err := s.follow(ctx, a, unit, &all)
		if err != nil || done {
			return all, err
		}
		if next == first && len(all) == 0 || next < 0 {
			// Not even the module's import came to its end.
			return append(all, Result{Unit: unit, Test: "import", Outcome: Fail, Why: a.tail.String()}), nil
		}
		first = next
	}
}

// follow reads one attempt's reports. next is where another one has to go on,
// negative if there is no use.
func (s *Suite) follow(ctx context.Context, a *attempt, unit string, all *[]Result) (done bool, next int, err error) {
	next = -1
	var running *report
	timer := time.NewTimer(s.Deadline)
	defer timer.Stop()
	end := func(o Outcome) {
		a.cancel()
		_ = a.wait() // its end is no news
		if running != nil {
			*all = append(*all, Result{Unit: unit, Test: *running.Start, Outcome: o, Why: a.tail.String()})
			next = running.Number + 1
		}
	}
	for {
		select {
		case <-ctx.Done():
			end(Hang)
			return false, next, ctx.Err()
		case <-timer.C:
			end(Hang)
			return false, next, nil
		case l, ok := <-a.lines:
			if !ok {
				end(Fail)
				return done, next, nil
			}
			timer.Reset(s.Deadline)
			var r report
			if json.Unmarshal(l, &r) != nil {
				continue // a test printed the mark
			}
			switch {
			case r.Start != nil:
				running = &r
			case r.End != nil:
				running, next = nil, r.Number+1
				*all = append(*all, Result{Unit: unit, Test: *r.End, Outcome: r.Outcome, Why: r.Why, Forked: r.Forked})
			case r.Fixture != nil:
				*all = append(*all, Result{Unit: unit, Test: *r.Fixture, Outcome: Fail, Why: r.Why})
			case r.Done != nil:
				done = true
			}
		}
	}
}

// single runs a unit that is one test, judged by its exit status.
func (s *Suite) single(ctx context.Context, unit string, start starter) ([]Result, error) {
	a, err := start(ctx, s.argv(unit, 0))
	if err != nil {
		return nil, err
	}
	r := Result{Unit: unit, Test: unit, Outcome: Pass, Forked: s.forks(unit)}
	timer := time.NewTimer(s.Deadline)
	defer timer.Stop()
	ended := make(chan error, 1)
	go func() {
		for range a.lines {
		}
		ended <- a.wait()
	}()
	select {
	case err = <-ended:
		if err != nil {
			r.Outcome, r.Why = Fail, a.tail.String()
		}
	case <-timer.C:
		a.cancel()
		<-ended //nolint:errcheck // cancel made this end
		r.Outcome, r.Why = Hang, a.tail.String()
	case <-ctx.Done():
		a.cancel()
		<-ended //nolint:errcheck // cancel made this end
		return nil, ctx.Err()
	}
	if strings.Contains(a.tail.String(), "1..0 # Skipped") {
		r.Outcome, r.Why = Skip, a.tail.String()
	}
	return []Result{r}, nil
}
