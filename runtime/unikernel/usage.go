package unikernel

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/lambdabench/lambdabench/runtime"
)

// Usage implements runtime.Sandbox. Memory is what the UC alone holds:
// its anonymous pages and page tables. Pages of snapshots that it only reads
// belong to all.
func (s *sandbox) Usage() (runtime.Usage, error) {
	files, err := s.stat()
	if err != nil {
		return runtime.Usage{}, fmt.Errorf("usage of a unikernel context: %w", err)
	}
	return parseUsage(files)
}

// stat asks for /proc/PID/schedstat, stat and status (proc(5)) of the UC.
func (s *sandbox) stat() (files []string, err error) {
	n := s.uc.node
	r, _, err := n.ask(order{op: opStat, id: s.uc.id}, func(r reply) error {
		files = strings.Split(string(n.scratch[:r.n]), "\x00")
		return nil
	})
	if err == nil && r.err != 0 {
		err = r.err
	}
	if err == nil && len(files) < 3 {
		err = fmt.Errorf("%d files instead of 3", len(files))
	}
	return files, err
}

func parseUsage(files []string) (runtime.Usage, error) {
	u := runtime.Usage{Source: "anonymous pages and page tables"}
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
