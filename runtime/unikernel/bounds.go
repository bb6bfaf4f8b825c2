package unikernel

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/lambdabench/lambdabench/runtime"
	"github.com/lambdabench/lambdabench/runtime/cgroup"
)

// Bounds implements runtime.Bounded. A UC that is awake is one process of one
// thread, so whatever bounds processes bounds UCs, if none of them can hibernate:
// all may wait for timers. vm.max_map_count does not: it is for each process,
// and neither a UC nor what the platform keeps of one has more than some hundreds
// of mappings.
func (b *Backend) Bounds() []runtime.Bound {
	all := []runtime.Bound{{Sandboxes: maxChildren - roomFor(b.stock()), By: "the most children that a node has"}}
	limits := append(kernelLimits("/proc"), userLimits()...)
	for _, t := range cgroup.Trees() {
		if t.Controller == "pids" || t.Controller == "" {
			limits = append(limits, groupLimits(t.Mount, t.Own)...)
		}
	}
	used := tasks("/proc")
	for _, l := range limits {
		all = append(all, l.bound(used, (maxPromoted+4)*(1+roomFor(b.stock()))))
	}
	return all
}

// processLimit is the most processes and threads that something allows.
type processLimit struct {
	max    int64
	used   int64 // how many there are already; below 0: all of the host at worst
	name   string
	remedy string
}

// bound is how many UCs a limit leaves room for beside others, who are as many
// as there are tasks on the host unless the limit knows better. The tender's
// nodes and their stock of blanks are processes as well: at most spare, and few
// where there is little room.
func (l processLimit) bound(used int64, spare int) runtime.Bound {
	if l.used >= 0 {
		used = l.used
	}
	room := max(0, l.max-used)
	room -= min(room/8, int64(spare))
	return runtime.Bound{Sandboxes: int(room), By: fmt.Sprintf("%s is %d", l.name, l.max), Remedy: l.remedy}
}

// kernelLimits reads what proc(5) says of the whole host.
func kernelLimits(proc string) (all []processLimit) {
	const most = 4 << 20 // PID_MAX_LIMIT of 64-bit kernels
	for _, file := range []string{"pid_max", "threads-max"} {
		if n, ok := number(filepath.Join(proc, "sys/kernel", file)); ok {
			all = append(all, processLimit{n, -1, "kernel." + file, fmt.Sprintf("sysctl -w kernel.%s=%d", file, most)})
		}
	}
	return all
}

// userLimits is RLIMIT_NPROC (getrlimit(2)). It binds for root too, as the
// tender is nobody on the host; but then the tender's processes alone count, as
// root's user namespace hands on no limit (enforced_nproc_rlimit in the kernel's
// user_namespace.c).
func userLimits() []processLimit {
	var l unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NPROC, &l); err != nil || l.Cur > 1<<40 {
		return nil
	}
	used := int64(-1)
	if os.Getuid() == 0 {
		used = 0
	}
	return []processLimit{{int64(l.Cur), used, "RLIMIT_NPROC", "ulimit -u unlimited before the start (systemd: LimitNPROC=infinity)"}}
}

// groupLimits reads pids.max of a cgroup and all above it (cgroups(7)).
func groupLimits(mount, own string) (all []processLimit) {
	for at := filepath.Join("/", own); ; at = filepath.Dir(at) {
		file := filepath.Join(mount, at, "pids.max")
		if n, ok := number(file); ok {
			used, known := number(filepath.Join(mount, at, "pids.current"))
			if !known {
				used = -1
			}
			all = append(all, processLimit{n, used, file, "echo max > " + file + " (systemd: TasksMax=infinity)"})
		}
		if at == "/" {
			return all
		}
	}
}

// tasks is how many processes and threads the host has: the fourth field of
// /proc/loadavg, "3/121"; 0 where it is not told.
func tasks(proc string) int64 {
	text, _ := os.ReadFile(filepath.Join(proc, "loadavg"))
	f := strings.Fields(string(text))
	if len(f) < 4 {
		return 0
	}
	_, total, _ := strings.Cut(f[3], "/")
	n, _ := strconv.ParseInt(total, 10, 64)
	return n
}

// number reads a file with one number; "max" is none.
func number(path string) (int64, bool) {
	text, err := os.ReadFile(path)
	if err != nil {
		return 0, false
	}
	n, err := strconv.ParseInt(string(bytes.TrimSpace(text)), 10, 64)
	return n, err == nil
}
