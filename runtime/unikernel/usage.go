package unikernel

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/lambdabench/lambdabench/runtime/isolation"
	"github.com/lambdabench/lambdabench/runtime/unikernel/abi"
)

// Usage implements isolation.Sandbox. Memory is what the UC alone holds:
// its anonymous pages and page tables. Pages of snapshots that it only reads
// belong to all.
// Of a UC that hibernates, it is what is kept of it.
func (s *sandbox) Usage() (isolation.Usage, error) {
	s.resting.RLock()
	defer s.resting.RUnlock()
	if s.isClosed() {
		return isolation.Usage{}, fmt.Errorf("usage of a unikernel context: %w", isolation.ErrClosed)
	}
	if asleep := s.hibernated(); asleep != nil {
		return isolation.Usage{MemoryBytes: int64(len(asleep.patches)) * abi.PageSize, CPU: s.spent, Source: "patches of a hibernated context"}, nil
	}
	return s.usage()
}

// usage needs s.resting.
func (s *sandbox) usage() (isolation.Usage, error) {
	files, before, err := s.stat()
	if err != nil && s.isClosed() { // meanwhile
		err = isolation.ErrClosed
	}
	if err != nil {
		return isolation.Usage{}, fmt.Errorf("usage of a unikernel context: %w", err)
	}
	u, err := parseUsage(files)
	u.CPU += s.spent - before
	return u, err
}

// stat asks for /proc/PID/schedstat, stat and status (proc(5)) of the UC's process,
// and what it spent on a processor before it was this UC's.
func (s *sandbox) stat() (files []string, before time.Duration, err error) {
	n := s.uc.zygote
	r, _, err := n.ask(order{op: opStat, id: s.uc.id}, func(r reply) error {
		files = strings.Split(string(n.scratch[:r.n]), "\x00")
		return nil
	})
	if err == nil && len(files) < 3 {
		err = fmt.Errorf("%d files instead of 3", len(files))
	}
	return files, time.Duration(r.a), err
}

func parseUsage(files []string) (isolation.Usage, error) {
	u := isolation.Usage{Source: "anonymous pages and page tables"}
	onCPU, _, _ := strings.Cut(files[0], " ")
	ns, err := strconv.ParseInt(onCPU, 10, 64)
	if err != nil {
		return u, fmt.Errorf("usage of a unikernel context: schedstat: %w", err)
	}
	u.CPU = time.Duration(ns)
	for line := range strings.Lines(files[2]) {
		name, value, _ := strings.Cut(line, ":")
		if name != "RssAnon" && name != "VmPTE" {
			continue
		}
		kb, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 10, 64)
		if err != nil {
			return u, fmt.Errorf("usage of a unikernel context: %w", err)
		}
		u.MemoryBytes += kb << 10
	}
	return u, nil
}

func (s *sandbox) isClosed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closed
}

// isEnding reports whether the UC was closed, or is being killed.
func (s *sandbox) isEnding() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closed || s.doomed
}
