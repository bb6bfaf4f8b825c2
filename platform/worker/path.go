package worker

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/lambdabench/lambdabench/runtime/driver"
	"github.com/lambdabench/lambdabench/runtime/isolation"
)

// ready brings the invocation's sandbox to where it can take the event, on the
// path that was chosen. A failure of the function's own is in the response.
func (c *call) ready() error {
	switch {
	case c.res.Path == Hot:
		return c.timed(&c.res.Stages.Deploy, func() error {
			if err := c.w.wake(c.inst); err != nil {
				return fmt.Errorf("%w: %w", errStale, err)
			}
			return nil
		})
	case c.res.Path == Warm:
		return c.deploySnapshot()
	case c.inst.sb == nil:
		if err := c.start(); err != nil {
			return err
		}
	default: // a stem cell
		if err := c.w.lost(c.inst); err != nil {
			return fmt.Errorf("%w: %w", errStale, err)
		}
	}
	if err := c.importCode(); err != nil || c.res.Outcome != "" {
		return err
	}
	c.res.Stages.Capture = c.w.captureInline(c.inst)
	return nil
}

// timed adds to a stage, save for a hot invocation that had nothing to wait
// for: that would only be two readings of the clock.
func (c *call) timed(stage *time.Duration, f func() error) error {
	if c.res.Path == Hot && c.inst.pause == nil {
		return f()
	}
	begin := time.Now()
	err := f()
	*stage += time.Since(begin)
	return err
}

func (c *call) deploySnapshot() error {
	var sb isolation.Sandbox
	err := c.timed(&c.res.Stages.Deploy, func() (err error) {
		ctx, cancel := context.WithTimeout(c.w.life, c.w.cfg.BootTimeout)
		defer cancel()
		sb, err = c.w.snapshotter.Deploy(ctx, c.snap.Snapshot, deploySpec(&c.req.Function))
		return err
	})
	c.w.releaseSnapshot(c.snap, err)
	c.snap = nil
	if err != nil {
		return fmt.Errorf("%w: deploy the snapshot of %s: %w", errStale, c.fn.arn, err)
	}
	return c.w.register(c.inst, sb)
}

// start boots the runtime, or deploys it from its snapshot.
func (c *call) start() error {
	ctx, cancel := context.WithTimeout(c.w.life, c.w.cfg.BootTimeout)
	defer cancel()
	var base isolation.Snapshot
	if c.w.usesBase() {
		begin := time.Now()
		snap, waited, err := c.w.baseOf(c.lang)
		if waited {
			c.res.Path, c.res.Stages.Boot = Boot, time.Since(begin)
		}
		if err != nil {
			return err
		}
		base = snap
	}
	sb, err := c.startFrom(ctx, base)
	if err != nil {
		return err
	}
	return c.w.register(c.inst, sb)
}

func (c *call) startFrom(ctx context.Context, base isolation.Snapshot) (sb isolation.Sandbox, err error) {
	begin := time.Now()
	if base != nil {
		sb, err = c.w.snapshotter.Deploy(ctx, base, deploySpec(&c.req.Function))
		c.res.Stages.Deploy = time.Since(begin)
	} else {
		sb, err = c.w.backend.Boot(ctx, isolation.BootSpec{Interpreter: c.lang.Interpreter,
			Environment: c.w.cfg.Environment, Limits: c.req.Function.Limits})
		c.res.Stages.Boot = time.Since(begin)
	}
	if err != nil {
		return nil, fmt.Errorf("start %s for %s: %w", c.lang.Runtime, c.fn.arn, err)
	}
	return sb, nil
}

// deploySpec is what a snapshot is deployed with for a function.
func deploySpec(fn *isolation.Function) isolation.DeploySpec {
	return isolation.DeploySpec{Limits: fn.Limits, Account: fn.Account()}
}

// importCode loads the function. What is wrong with the function is in the
// response.
func (c *call) importCode() error {
	c.w.mu.Lock()
	c.req.Function.LogStream = streamOf(c.fn, c.req.Function.Version)
	c.w.mu.Unlock()
	begin := time.Now()
	ctx, cancel := context.WithTimeout(c.w.life, c.w.cfg.ImportTimeout)
	defer cancel()
	err := c.inst.sb.Import(ctx, c.req.Function)
	c.res.Stages.Import = time.Since(begin)
	if err == nil {
		c.imported = true
		return nil
	}
	if c.w.life.Err() != nil {
		return ErrClosed
	}
	res, ok := importFailure(err, c.req.Invocation.ID, c.w.cfg.ImportTimeout)
	if !ok {
		return fmt.Errorf("import %s: %w", c.fn.arn, err)
	}
	c.res.Result = res
	return nil
}

// importFailure is what AWS Lambda answers when the code cannot be loaded; ok
// is false when it is not the function that failed.
func importFailure(err error, id string, limit time.Duration) (res isolation.Result, ok bool) {
	var own *isolation.FunctionError
	switch {
	case errors.As(err, &own):
		return isolation.Result{Outcome: own.Outcome(), Error: own, Logs: own.Logs, Marks: own.Marks}, true
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded):
		return isolation.Result{Outcome: isolation.TimedOut, Error: timedOut(id, limit)}, true
	case errors.Is(err, driver.ErrEnded):
		return isolation.Result{Outcome: isolation.Crashed, Error: fatal(isolation.TypeExit, id,
			"Runtime exited while it loaded the function")}, true
	case errors.Is(err, driver.ErrProtocol):
		return isolation.Result{Outcome: isolation.Malformed, Error: fatal(isolation.TypeMalformed, id, err.Error())},
			true
	}
	return isolation.Result{}, false
}

func timedOut(id string, limit time.Duration) *isolation.FunctionError {
	return fatal(isolation.TypeTimedOut, id, fmt.Sprintf("Task timed out after %.2f seconds", limit.Seconds()))
}

func fatal(errorType, id, message string) *isolation.FunctionError {
	return &isolation.FunctionError{Type: errorType, Message: "RequestId: " + id + " Error: " + message, Fatal: true}
}

// run hands over the event. The function's time begins here. ctx's end does
// not reach the function; what ctx carries does.
func (c *call) run(ctx context.Context) error {
	c.imported = true
	begin := time.Now()
	c.req.Invocation.Deadline = begin.Add(c.req.Timeout)
	result, err := c.inst.sb.Invoke(context.WithoutCancel(ctx), c.req.Invocation)
	run := time.Since(begin)
	c.inst.idleSince = int64(begin.Sub(c.w.born) + run)
	if err != nil {
		return fmt.Errorf("invoke %s: %w", c.fn.arn, err)
	}
	if !result.Outcome.Alive() && c.w.life.Err() != nil {
		return ErrClosed
	}
	if result.Outcome == isolation.TimedOut {
		result.Error = timedOut(c.req.Invocation.ID, c.req.Timeout)
	}
	c.res.Result, c.res.Stages.Run, c.res.Billed = result, run, billed(min(run, c.req.Timeout))
	if c.req.Meter && result.Outcome.Alive() {
		if u, err := c.inst.sb.Usage(); err == nil {
			c.res.MemoryBytes, c.res.PeakBytes = u.MemoryBytes, u.PeakBytes
		}
	}
	return nil
}

// billed rounds up to whole milliseconds, as AWS Lambda does.
func billed(run time.Duration) time.Duration {
	return (run + time.Millisecond - 1).Truncate(time.Millisecond)
}
