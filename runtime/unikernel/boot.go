package unikernel

import (
	"context"
	"crypto/rand"
	"fmt"
	"path"

	"github.com/lambdabench/lambdabench/runtime/driver"
	"github.com/lambdabench/lambdabench/runtime/isolation"
	"github.com/lambdabench/lambdabench/runtime/unikernel/abi"
)

// Boot implements isolation.Backend.
func (b *Backend) Boot(ctx context.Context, spec isolation.BootSpec) (isolation.Sandbox, error) {
	sb, err := b.boot(ctx, spec)
	if err != nil {
		return nil, fmt.Errorf("boot %s in a unikernel context: %w", spec.Interpreter.Runtime, err)
	}
	return sb, nil
}

func (b *Backend) boot(ctx context.Context, spec isolation.BootSpec) (*sandbox, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := b.prepare(ctx); err != nil {
		return nil, err
	}
	l, err := b.language(ctx, spec.Interpreter)
	if err != nil {
		return nil, err
	}
	name, _, err := driver.Source(spec.Interpreter.Language)
	if err != nil {
		return nil, err
	}
	from, err := b.imageZygote(ctx, l)
	if err != nil {
		return nil, err
	}
	r := b.runOrder(abi.Boot, from, spec.Limits)
	r.program = spec.Interpreter.Path
	r.args = append([]string{spec.Interpreter.Path}, interpreterArgs(spec.Interpreter, driverPath(name))...)
	r.env = driver.Environment(spec, path.Dir(driverPath(name)), "/tmp", driver.TaskRoot)
	spare, err := from.fork()
	if err != nil {
		return nil, err
	}
	sb := b.newSandbox(spare, spec.Interpreter, spec.Limits)
	defer sb.leave()
	if err := sendRun(spare.fd, r); err != nil {
		sb.Close()
		return nil, err
	}
	sb.session, _, err = driver.Open(ctx, sb.channel)
	if err == nil {
		sb.session.OnEnd(sb.learnEnd)
		sb.session.Log(&sb.log)
		err = sb.limitCPU(spec.Limits.CPUs)
	}
	if err == nil {
		var steps []string
		if steps, sb.prefetch = split(spec.Prepare); len(steps) > 0 {
			err = sb.session.Prepare(ctx, steps)
		}
	}
	if err != nil {
		err = sb.explain(err)
		sb.Close()
		return nil, err
	}
	return sb, nil
}

func driverPath(name string) string { return "/opt/lambdabench/" + name }

// interpreterArgs: WebAssembly's trap handler wants guard pages that fault,
// which the region does not have. V8's memory reducer begins a collection some
// seconds after the last one, if the process is at rest. In a snapshot that time
// is over: each of its UCs would mark its heap during its first call. At rest
// UCs do not run at all.
func interpreterArgs(in isolation.Interpreter, path string) []string {
	args := driver.Args(in.Language, path)
	if in.Language != isolation.NodeJS {
		return args
	}
	bounds := "--disable-wasm-trap-handler"
	if !hasTrapHandlerOption(in.Version) {
		bounds = "--wasm-enforce-bounds-checks"
	}
	return append([]string{bounds, "--no-memory-reducer"}, args...)
}

// hasTrapHandlerOption: Node.js has it from 20.15 and 22.2 on.
func hasTrapHandlerOption(version string) bool {
	var major, minor int
	fmt.Sscanf(version, "%d.%d", &major, &minor)
	return major > 22 || major == 22 && minor >= 2 || major == 20 && minor >= 15
}

// runOrder is an order to become a UC like no other: its own process id and
// entropy.
func (b *Backend) runOrder(how uint32, n *zygote, limits isolation.Limits) *runOrder {
	r := &runOrder{op: opRun, how: how, pid: b.pid(), cpus: 1, imageSize: n.imageSize, memLimit: uint64(limits.MemoryBytes), threads: uint64(limits.Processes)}
	if b.cfg.Trace {
		r.flags |= abi.FlagTrace
	}
	rand.Read(r.entropy[:])
	r.machine = b.tender().machine
	return r
}

// pid numbers UCs. They begin where a small namespace's would, and come round
// after two million: from there on ids are those of threads.
func (b *Backend) pid() uint32 { return 1000 + b.pids.Add(1)%(abi.FirstTID-1000) }
