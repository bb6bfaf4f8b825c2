package bench

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/shirou/gopsutil/v4/cpu"
	"github.com/shirou/gopsutil/v4/host"
	"github.com/shirou/gopsutil/v4/load"
	"github.com/shirou/gopsutil/v4/mem"

	"github.com/lambdabench/lambdabench/analysis/record"
)

// versioned is a backend that has a version of its own to tell, such as the
// OCI runtime's.
type versioned interface {
	Version(ctx context.Context) (string, error)
}

// describeMachine says where a run is made. What the host does not tell stays
// empty.
func describeMachine(ctx context.Context, targets []Target, backends backendList) record.Machine {
	m := record.Machine{
		Date: time.Now().UTC().Truncate(time.Second), Cores: runtime.NumCPU(), User: "ordinary",
		Cgroups: cgroupMode(), Governor: readLine("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"),
		Interpreters: map[string]string{}, Backends: map[string]string{}, Go: runtime.Version(),
	}
	if os.Geteuid() == 0 {
		m.User = "root"
	}
	if c, err := cpu.InfoWithContext(ctx); err == nil && len(c) > 0 {
		m.CPU = c[0].ModelName
	}
	if v, err := mem.VirtualMemoryWithContext(ctx); err == nil {
		m.MemoryBytes = int64(v.Total)
	}
	if h, err := host.InfoWithContext(ctx); err == nil {
		m.Kernel, m.OS = h.KernelVersion, strings.TrimSpace(h.Platform+" "+h.PlatformVersion)
		if h.VirtualizationRole == "guest" {
			m.Virtualisation = h.VirtualizationSystem
		}
	}
	if l, err := load.AvgWithContext(ctx); err == nil {
		m.LoadBefore = [3]float64{l.Load1, l.Load5, l.Load15}
	}
	m.MemorySampled = hasThread("kdamond.")
	for _, t := range targets {
		m.Interpreters[t.Interpreter.Runtime] = t.Interpreter.Version
		m.Backends[t.Backend] = ""
	}
	for _, b := range backends {
		if v, ok := b.(versioned); ok {
			if _, used := m.Backends[b.Name()]; used {
				m.Backends[b.Name()], _ = v.Version(ctx)
			}
		}
	}
	m.Commit, m.Dirty = commit(ctx)
	return m
}

// commit is what this program was built from. go run and go test leave no
// mark in the binary; then the tree around us answers.
func commit(ctx context.Context) (revision string, dirty bool) {
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			switch s.Key {
			case "vcs.revision":
				revision = s.Value
			case "vcs.modified":
				dirty = s.Value == "true"
			}
		}
	}
	if revision != "" {
		return revision, dirty
	}
	out, err := exec.CommandContext(ctx, "git", "rev-parse", "HEAD").Output()
	if err != nil {
		return "", false
	}
	var exit *exec.ExitError
	err = exec.CommandContext(ctx, "git", "diff", "--quiet", "HEAD").Run()
	return strings.TrimSpace(string(out)), errors.As(err, &exit)
}

// hasThread reports whether a process, or a thread of the kernel, has a name
// that begins so.
func hasThread(prefix string) bool {
	names, _ := filepath.Glob("/proc/[0-9]*/comm")
	return slices.ContainsFunc(names, func(path string) bool { return strings.HasPrefix(readLine(path), prefix) })
}

func readLine(path string) string {
	b, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(b))
}
