package zygote

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/lambdabench/lambdabench/runtime/unikernel/abi"
)

// Stat is what the host says of a UC's process.
type Stat struct {
	CPU    time.Duration // since the process became this UC
	Memory int64         // anonymous pages and page tables, in bytes
	inner  int           // process id in the tender's namespace
}

// Stat reads /proc/PID/schedstat, stat and status (proc(5)) of the child.
func (c Child) Stat(ctx context.Context) (s Stat, err error) {
	r, err := c.ask(ctx, order{op: opStat}, nil, func(scratch []byte, r reply) error {
		files := strings.Split(string(scratch[:r.n]), "\x00")
		if len(files) < 3 {
			return fmt.Errorf("%d files instead of 3", len(files))
		}
		s, err = parseStat(files[0], files[1], files[2])
		return err
	})
	s.CPU -= time.Duration(r.a) // spent before the last reset
	return s, err
}

func parseStat(schedstat, stat, status string) (s Stat, err error) {
	onCPU, _, _ := strings.Cut(schedstat, " ")
	ns, err := strconv.ParseInt(onCPU, 10, 64)
	if err != nil {
		return s, fmt.Errorf("schedstat: %w", err)
	}
	s.CPU = time.Duration(ns)
	pid, _, _ := strings.Cut(stat, " ")
	if s.inner, err = strconv.Atoi(pid); err != nil {
		return s, fmt.Errorf("stat: %w", err)
	}
	for line := range strings.Lines(status) {
		name, value, _ := strings.Cut(line, ":")
		if name != "RssAnon" && name != "VmPTE" {
			continue
		}
		kb, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 10, 64)
		if err != nil {
			return s, fmt.Errorf("status: %w", err)
		}
		s.Memory += kb << 10
	}
	return s, nil
}

// HostPID is the child's process as the platform's own namespace numbers it.
func (c Child) HostPID(ctx context.Context) (int, error) {
	s, err := c.Stat(ctx)
	if err != nil {
		return 0, fmt.Errorf("find the process of a unikernel context: %w", err)
	}
	pid, err := translatePID(fmt.Sprintf("/proc/%d/ns/pid", c.zygote.tender.pid), s.inner)
	if err != nil {
		return 0, fmt.Errorf("find the process of a unikernel context, %d in its namespace: %w", s.inner, err)
	}
	return pid, nil
}

// Bound is how much of a UC may be resident.
type Bound struct {
	UC    Child
	Bytes int64
}

// Oversized are the indices of those UCs of one zygote that exceed their bounds.
// A zygote that is gone has no UCs either.
func (z *Zygote) Oversized(ctx context.Context, bounds []Bound) (over []int) {
	if len(bounds) == 0 {
		return nil
	}
	_, _, _ = z.do(ctx, call{order: order{op: opWatch, a: uint64(len(bounds))}, put: func(scratch []byte) {
		for i, w := range bounds {
			le.PutUint32(scratch[i*watchedSize:], w.UC.id)
			le.PutUint32(scratch[i*watchedSize+4:], uint32(w.Bytes/abi.PageSize))
		}
	}, got: func(scratch []byte, r reply) error {
		large := map[uint32]bool{}
		for i := range min(int(r.n), len(bounds)) {
			large[le.Uint32(scratch[i*watchedSize:])] = true
		}
		for i, w := range bounds {
			if large[w.UC.id] {
				over = append(over, i)
			}
		}
		return nil
	}})
	return over
}

// File makes a file in memory, in huge pages where the host has them.
func (z *Zygote) File(ctx context.Context, size int64) (*os.File, error) {
	_, fd, err := z.do(ctx, call{order: order{op: opFile, a: uint64(size), b: 1}})
	if err != nil {
		_, fd, err = z.do(ctx, call{order: order{op: opFile, a: uint64(size)}})
	}
	if err != nil {
		return nil, fmt.Errorf("memory for a snapshot: %w", err)
	}
	return os.NewFile(uintptr(fd), "snapshot"), nil
}

// translatePID asks the kernel (ioctl_nsfs(2), Linux 6.11), or looks for the
// process.
func translatePID(namespace string, inner int) (int, error) {
	ns, err := os.Open(namespace)
	if err != nil {
		return 0, err
	}
	defer ns.Close()
	pid, _, errno := unix.Syscall(unix.SYS_IOCTL, ns.Fd(), unix.NS_GET_TGID_FROM_PIDNS, uintptr(inner))
	switch errno {
	case 0:
		return int(pid), nil
	case unix.ENOTTY:
		return searchPID(namespace, inner)
	}
	return 0, errno
}

// searchPID looks through all processes for the one that has a number in a
// namespace: the last of NSpid in proc(5) status.
func searchPID(namespace string, inner int) (int, error) {
	want, err := os.Readlink(namespace)
	if err != nil {
		return 0, err
	}
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return 0, err
	}
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		if ns, err := os.Readlink("/proc/" + e.Name() + "/ns/pid"); err != nil || ns != want {
			continue
		}
		status, _ := os.ReadFile("/proc/" + e.Name() + "/status")
		for line := range strings.Lines(string(status)) {
			if f := strings.Fields(line); len(f) > 1 && f[0] == "NSpid:" && f[len(f)-1] == strconv.Itoa(inner) {
				return pid, nil
			}
		}
	}
	return 0, unix.ESRCH
}
