package host

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
	"github.com/lambdabench/lambdabench/runtime/cgroup"
)

// Describe tells the machine of a run and the program that runs on it, without the
// interpreters and backends, which the run knows. What the host does not tell stays empty.
func Describe(ctx context.Context) record.Machine {
	m := record.Machine{
		Date: time.Now().UTC().Truncate(time.Second), Cores: runtime.NumCPU(), User: "ordinary", Go: runtime.Version(),
		Cgroups: cgroup.Mode(), Governor: governor("/"), Autogroup: autogroup("/"),
		MemorySampled: hasThread("/", "kdamond."),
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
	m.Commit, m.Dirty = commit(ctx)
	return m
}

// commit is the commit that this program was built from. go run and go test leave no
// mark in the binary; then the tree of the working directory answers.
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

// hasThread reports whether the name of a process or of a kernel thread begins with prefix.
func hasThread(root, prefix string) bool {
	names, _ := filepath.Glob(filepath.Join(root, "proc/[0-9]*/comm"))
	return slices.ContainsFunc(names, func(path string) bool { return strings.HasPrefix(readLine(path), prefix) })
}

func readLine(path string) string {
	b, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(b))
}
