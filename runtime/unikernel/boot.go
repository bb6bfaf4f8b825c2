package unikernel

import (
	"context"
	"fmt"
	"path"

	"github.com/lambdabench/lambdabench/runtime/driver"
	"github.com/lambdabench/lambdabench/runtime/isolation"
	"github.com/lambdabench/lambdabench/runtime/unikernel/abi"
	"github.com/lambdabench/lambdabench/runtime/unikernel/guest"
	"github.com/lambdabench/lambdabench/runtime/unikernel/zygote"
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
	r := b.newRun(abi.Boot, spec.Limits)
	r.Program = spec.Interpreter.Path
	r.Args = append([]string{spec.Interpreter.Path}, interpreterArgs(spec.Interpreter, driverPath(name))...)
	r.Env = driver.Environment(spec, path.Dir(driverPath(name)), "/tmp", driver.TaskRoot)
	uc, err := from.Fork()
	if err != nil {
		return nil, err
	}
	sb := b.newSandbox(spec.Interpreter, spec.Limits)
	p := sb.newProcess(uc, guest.NewChannel(uc.FD, sb, &b.readers, nil))
	sb.start(p)
	defer sb.leave(p)
	if err := sb.boot(ctx, p, r, spec); err != nil {
		err = p.explain(err)
		sb.Close()
		return nil, err
	}
	return sb, nil
}

// boot runs the interpreter up to its driver's first word, and the steps that
// prepare it for a capture.
func (s *sandbox) boot(ctx context.Context, p *process, r *zygote.Run, spec isolation.BootSpec) error {
	if err := p.uc.Run(r); err != nil {
		return err
	}
	session, _, err := driver.Open(ctx, p.channel)
	if err != nil {
		return err
	}
	p.open(session)
	if err := p.limitCPU(ctx, spec.Limits.CPUs); err != nil {
		return err
	}
	spec.Prepare, s.trains = split(spec.Prepare)
	s.training = spec.Training
	return session.Prepare(ctx, spec)
}

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
	_, _ = fmt.Sscanf(version, "%d.%d", &major, &minor)
	return major > 22 || major == 22 && minor >= 2 || major == 20 && minor >= 15
}
