package experiment

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/lambdabench/lambdabench/analysis/record"
	"github.com/lambdabench/lambdabench/bench"
	"github.com/lambdabench/lambdabench/platform/gateway"
	"github.com/lambdabench/lambdabench/platform/worker"
	"github.com/lambdabench/lambdabench/runtime/isolation"
)

// oneSandbox is one sandbox of a function, booted by the worker of a whole platform, and
// three ways to call the function in it. One call is under way at a time.
type oneSandbox struct {
	gateway *gatewayCaller
	backend *observed
	request worker.Request // as the gateway makes it, without an invocation
}

// way is a Caller with its name in records.
type way struct {
	Caller
	via string
}

// openOneSandbox starts a platform and has its worker boot the sandbox.
func openOneSandbox(ctx context.Context, env *bench.Env, fns Functions) (_ *oneSandbox, err error) {
	backend := &observed{Backend: env.Backend}
	own := *env
	own.Backend = backend
	g, err := openGateway(ctx, &own, worker.Config{}, fns)
	if err != nil {
		return nil, err
	}
	one := &oneSandbox{gateway: g, backend: backend}
	defer func() {
		if err != nil {
			err = errors.Join(err, one.Close())
		}
	}()
	callee := fns.Call(0, []byte("{}"))
	if r := g.Call(ctx, callee); !r.OK() {
		return nil, fmt.Errorf("boot the sandbox: %s: %s", r.Outcome, r.Error)
	}
	if one.request, err = requestOf(g, callee.Function().Name); err != nil {
		return nil, err
	}
	return one, one.shared()
}

// requestOf is the gateway's request of a function, so that the worker finds the
// gateway's sandbox.
func requestOf(g *gatewayCaller, name string) (worker.Request, error) {
	fn, err := g.platform.Store.Of(gateway.Owner("")).Get(name, "")
	if err != nil {
		return worker.Request{}, err
	}
	return g.platform.Gateway.RequestOf(fn, nil, nil), nil
}

// ways are the three, the gateway last.
func (o *oneSandbox) ways() []way {
	return []way{{sandboxWay{o}, record.ViaSandbox}, {workerWay{o}, record.ViaWorker},
		{o.gateway, record.ViaGateway}}
}

// shared is an error unless the ways lead to one sandbox.
func (o *oneSandbox) shared() error {
	if n := len(o.backend.all()); n != 1 {
		return fmt.Errorf("the worker has started %d sandboxes, not one: the ways are not compared in the same", n)
	}
	return nil
}

// Close ends the platform and with it the sandbox.
func (o *oneSandbox) Close() error { return o.gateway.Close() }

// sandboxWay calls the sandbox itself.
type sandboxWay struct{ *oneSandbox }

// Call implements Caller.
func (s sandboxWay) Call(ctx context.Context, c Callee) Reply {
	start := time.Now()
	r := Reply{Path: string(worker.Hot)}
	r.Outcome, r.Error = invoke(ctx, s.backend.all()[0], c)
	r.Stages.Run = time.Since(start)
	return r
}

// workerWay calls the platform's worker, in this process.
type workerWay struct{ *oneSandbox }

// Call implements Caller.
func (w workerWay) Call(ctx context.Context, c Callee) Reply {
	req := w.request
	req.Invocation = isolation.Invocation{ID: uuid.NewString(), Payload: c.Payload}
	res, err := w.gateway.platform.Worker.Invoke(ctx, req)
	r := Reply{Path: string(res.Path), Stages: res.Stages}
	if err != nil {
		r.Outcome, r.Error = OutcomeRefused, err.Error()
		return r
	}
	r.Outcome, r.Error = checked(c, res.Result)
	return r
}

// observed is a backend that remembers its sandboxes. It hides that a backend takes
// snapshots: a worker would deploy further sandboxes to capture them.
type observed struct {
	isolation.Backend

	mu      sync.Mutex
	started []isolation.Sandbox // guarded by mu
}

// Boot implements isolation.Backend.
func (o *observed) Boot(ctx context.Context, spec isolation.BootSpec) (isolation.Sandbox, error) {
	sb, err := o.Backend.Boot(ctx, spec)
	if err != nil {
		return nil, err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.started = append(o.started, sb)
	return sb, nil
}

func (o *observed) all() []isolation.Sandbox {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.started
}
