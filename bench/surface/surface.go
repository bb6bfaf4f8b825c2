// Package surface is the experiment that finds out by looking what a backend isolates.
//
// A function reports what it sees from inside. The host's /proc, and the seccomp filter in
// the kernel, tell how the process that runs the function is confined. Each limit is put
// to the test in a sandbox of its own. A trial records one measurement per feature; a
// feature that this host does not show is left out, not guessed.
//
// The seccomp filters are classic BPF programs. The experiment runs them over every system
// call number with unknown arguments, and so counts the system calls that can reach the
// host's kernel (reachableCalls).
package surface

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/lambdabench/lambdabench/analysis/record"
	"github.com/lambdabench/lambdabench/bench"
	"github.com/lambdabench/lambdabench/runtime/isolation"
)

// surface is the experiment, with its parameters.
type surface struct {
	Memory    bench.Size `yaml:"memory"`    // limit that the memory probe must meet
	Processes int        `yaml:"processes"` // limit that the processes probe must meet
}

// New is the experiment with its default parameters.
func New() bench.Experiment { return &surface{Memory: 192 << 20, Processes: 24} }

func (s *surface) Name() string { return record.ExperimentSurface }

func (s *surface) Doc() string {
	return "what each backend isolates: namespaces, privileges, host system calls, files, limits, probed in a " +
		"running sandbox"
}

func (s *surface) Check() error {
	return errors.Join(bench.AtLeast("memory", int(s.Memory>>20), 128), bench.AtLeast("processes", s.Processes, 16))
}

func (s *surface) Trials(bench.Target) ([]bench.Trial, string) {
	return []bench.Trial{{Via: record.ViaSandbox, Least: 5 * time.Second}}, ""
}

// RunTrial implements Experiment.
func (s *surface) RunTrial(ctx context.Context, env *bench.Env, _ bench.Trial, sink *bench.Sink) error {
	fn, err := probeFunction(env)
	if err != nil {
		return err
	}
	p := &probe{ctx: ctx, env: env, fn: fn, sink: sink}
	if err := p.surroundings(); err != nil {
		return err
	}
	return errors.Join(p.memory(int64(s.Memory)), p.processes(s.Processes), p.cpu(p.free))
}

// view is the function's own view of its sandbox.
type view struct {
	Root, Processes, UID int
	Secret               bool
	Interfaces           []string
	Kernel               string
}

// surroundings looks from inside and from outside at one sandbox.
func (p *probe) surroundings() (err error) {
	sb, err := p.open(p.fn.Limits)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, sb.Close()) }()
	res, err := p.invoke(sb, `{"probe":"look"}`)
	if err != nil || res.Outcome != isolation.OK {
		return errors.Join(err, fmt.Errorf("look around: %s, %v", res.Outcome, res.Error))
	}
	var v view
	if err := json.Unmarshal(res.Payload, &v); err != nil {
		return fmt.Errorf("look around: %w", err)
	}
	pid, err := busiest(func() error {
		res, share, err := p.spin(sb, 500*time.Millisecond)
		if err == nil && res.Outcome != isolation.OK {
			err = fmt.Errorf("spin: %s, %v", res.Outcome, res.Error)
		}
		p.free = share
		return err
	})
	if err != nil {
		return err
	}
	out := lookAt(pid)
	p.inside(v)
	p.outside(out)
	p.kernel(v, out)
	return nil
}

func (p *probe) inside(v view) {
	p.reachable("entries in /", v.Root, "")
	p.isolated("host's secrets unreadable", !v.Secret, "")
	if v.Processes > 0 {
		p.reachable("processes in /proc", v.Processes, "")
	}
	p.reachable("network interfaces", len(v.Interfaces), strings.Join(v.Interfaces[:min(3, len(v.Interfaces))], " "))
	p.isolated("root inside is no root outside", v.UID != 0 || os.Geteuid() == 0,
		fmt.Sprintf("user id %d inside", v.UID))
}

// kernel decides which kernel answers the function's system calls. Where the function
// opened files although the host's filter lets it open none, another kernel than the host's
// did.
func (p *probe) kernel(v view, out outside) {
	host := hostKernel()
	own := !strings.HasPrefix(v.Kernel, host)
	detail := "says " + firstWord(v.Kernel)
	if out.calls != nil && v.Root > 0 && !slices.ContainsFunc(opening, func(nr int) bool { return out.calls[nr] }) {
		own, detail = true, "opens files that the host's filter forbids it to open"
	}
	p.isolated("kernel of its own", own, detail)
}

// opening are the system calls that open a file by name.
var opening = []int{unix.SYS_OPENAT, unix.SYS_OPENAT2}

func firstWord(s string) string { w, _, _ := strings.Cut(s, " "); return w }

// hostKernel is the release that uname(2) gives.
func hostKernel() string {
	var u unix.Utsname
	if unix.Uname(&u) != nil {
		return ""
	}
	return unix.ByteSliceToString(u.Release[:])
}

func (p *probe) outside(out outside) {
	for _, n := range namespaceNames {
		if own, seen := out.namespaces[n.name]; seen {
			p.isolated(n.name+" namespace", own, "")
		}
	}
	p.isolated("no capabilities", strings.Trim(out.status["CapEff"], "0") == "", "")
	p.isolated("no new privileges", out.status["NoNewPrivs"] == "1", "")
	user, _, _ := strings.Cut(out.status["Uid"], "\t")
	p.isolated("user other than the platform's", user != strconv.Itoa(os.Geteuid()), "user id "+user)
	p.isolated("seccomp", out.status["Seccomp"] == "2", out.reason)
	if out.calls != nil {
		p.reachable("host system calls", len(out.calls), fmt.Sprintf("of %d", len(callNumbers())))
	}
}
