package bench

import (
	"context"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/lambdabench/lambdabench/analysis/record"
	"github.com/lambdabench/lambdabench/runtime/isolation"
)

//go:embed probes
var probes embed.FS

// surface finds out what a backend isolates, by looking: a function reports
// what it sees, the host's /proc and the seccomp filter in the kernel tell how
// the process that runs it is confined, and each limit is put to the test.
// What cannot be seen on a host is left out, not guessed.
type surface struct {
	Memory    Size `yaml:"memory"`    // limit that the memory probe must meet
	Processes int  `yaml:"processes"` // limit that the processes probe must meet
}

func newSurface() *surface { return &surface{Memory: 192 << 20, Processes: 24} }

func (s *surface) Name() string { return record.ExperimentSurface }

func (s *surface) Doc() string {
	return "what each backend isolates: namespaces, privileges, host system calls, files, limits, probed in a running sandbox"
}

func (s *surface) Check() error {
	return errors.Join(atLeast("memory", int(s.Memory>>20), 128), atLeast("processes", s.Processes, 16))
}

func (s *surface) Trials(Target) []Trial {
	return []Trial{{Via: record.ViaSandbox, Least: 5 * time.Second}}
}

// RunTrial implements Experiment.
func (s *surface) RunTrial(ctx context.Context, env *Env, _ Trial, sink *Sink) error {
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

// probeFunction unpacks the probes of the trial's language.
func probeFunction(env *Env) (isolation.Function, error) {
	sub, err := fs.Sub(probes, "probes/"+string(env.Interpreter.Language))
	if err != nil {
		return isolation.Function{}, err
	}
	dir := filepath.Join(env.Dir, "probes")
	if err := os.CopyFS(dir, sub); err != nil {
		return isolation.Function{}, fmt.Errorf("unpack the probes: %w", err)
	}
	return isolation.Function{Name: "surface", Version: "$LATEST", Handler: "index.handler", Package: dir,
		Limits: isolation.Limits{MemoryBytes: 512 << 20}}, nil
}

// probe is one trial.
type probe struct {
	ctx  context.Context
	env  *Env
	fn   isolation.Function
	sink *Sink
	free float64 // the share of a processor that a function got without a limit
}

func (p *probe) isolated(feature string, yes bool, detail string) {
	value := 0.0
	if yes {
		value = 1
	}
	p.measure(record.MetricIsolated, record.UnitBool, feature, value, detail)
}

func (p *probe) reachable(feature string, n int, detail string) {
	p.measure(record.MetricReachable, record.UnitCount, feature, float64(n), detail)
}

func (p *probe) measure(metric, unit, feature string, value float64, detail string) {
	labels := map[string]string{record.LabelFeature: feature}
	if detail != "" {
		labels[record.LabelDetail] = detail
	}
	p.sink.Measurement(record.Measurement{Metric: metric, Unit: unit, Value: value, Labels: labels, Source: "probe"})
}

// open boots a sandbox with the probes under limits.
func (p *probe) open(limits isolation.Limits) (isolation.Sandbox, error) {
	fn := p.fn
	fn.Limits = limits
	sb, err := p.env.Backend.Boot(p.ctx, isolation.BootSpec{Interpreter: p.env.Interpreter, Limits: limits})
	if err != nil {
		return nil, fmt.Errorf("boot a sandbox to probe: %w", err)
	}
	if err := sb.Import(p.ctx, fn); err != nil {
		return nil, errors.Join(fmt.Errorf("import the probes: %w", err), sb.Close())
	}
	return sb, nil
}

// invoke leaves a row that counts in no statistic: a probe that is refused is
// no error of the backend.
func (p *probe) invoke(sb isolation.Sandbox, event string) (isolation.Result, error) {
	start := time.Now()
	res, err := sb.Invoke(p.ctx, isolation.Invocation{ID: "surface", Payload: []byte(event), Deadline: start.Add(time.Minute)})
	row := record.Invocation{Function: p.fn.Name, Labels: map[string]string{record.LabelWarmup: record.Warmup}, Latency: int64(time.Since(start)), Outcome: string(res.Outcome)}
	if res.Error != nil {
		row.Error = res.Error.Error()
	}
	if err == nil {
		p.sink.Invocation(row)
	}
	return res, err
}

// view is what the function itself sees.
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
	p.isolated("root inside is no root outside", v.UID != 0 || os.Geteuid() == 0, fmt.Sprintf("user id %d inside", v.UID))
}

// kernel decides who answers the function's system calls. A function that
// opened files although the host's filter lets it open none was served by
// another kernel than the host's.
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
