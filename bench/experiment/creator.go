package experiment

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/lambdabench/lambdabench/bench"
	"github.com/lambdabench/lambdabench/platform/worker"
	"github.com/lambdabench/lambdabench/runtime/isolation"
	"github.com/lambdabench/lambdabench/workloads"
)

// creator makes instances in the backend's fastest way: from a snapshot of the booted
// runtime where the backend takes snapshots, else by booting.
type creator struct {
	env   *bench.Env
	spec  isolation.BootSpec
	snap  isolation.Snapshot // nil without snapshots
	first isolation.Sandbox  // made before the measurement, and charged with all memory that instances share
	pop   *workloads.Population
	serve bool
}

// uniqueFunctions is how many functions the instances take turns with.
const uniqueFunctions = 1024

func newCreator(ctx context.Context, env *bench.Env, ao []string, serve bool) (*creator, error) {
	pop, err := env.Population(workloads.NOP, uniqueFunctions)
	if err != nil {
		return nil, err
	}
	s, snapshots := env.Backend.(isolation.Snapshotter)
	if ao == nil && snapshots {
		ao = anticipated(env.Backend)
	}
	c := &creator{env: env, spec: isolation.BootSpec{Interpreter: env.Interpreter, Prepare: ao}, pop: pop, serve: serve}
	if snapshots {
		sb, err := env.Backend.Boot(ctx, c.spec)
		if err != nil {
			return nil, err
		}
		c.snap, err = s.Capture(ctx, sb)
		if err := errors.Join(err, sb.Close()); err != nil {
			return nil, errors.Join(err, c.close())
		}
	}
	sb, r := c.create(ctx, 0)
	if sb == nil {
		return nil, errors.Join(fmt.Errorf("create the first instance: %s", r.Error), c.close())
	}
	c.first = sb
	return c, nil
}

// create makes instance i. The sandbox is nil when the reply is not OK.
func (c *creator) create(ctx context.Context, i int) (isolation.Sandbox, Reply) {
	r := Reply{Outcome: string(isolation.OK), Path: string(worker.Boot)}
	fail := func(sb isolation.Sandbox, outcome string, err error) (isolation.Sandbox, Reply) {
		if sb != nil {
			err = errors.Join(err, sb.Close())
		}
		r.Outcome, r.Error = outcome, err.Error()
		return nil, r
	}
	start := time.Now()
	var sb isolation.Sandbox
	var err error
	if c.snap != nil {
		r.Path = string(worker.Cold)
		sb, err = c.env.Backend.(isolation.Snapshotter).Deploy(ctx, c.snap, isolation.DeploySpec{})
		r.Stages.Deploy = time.Since(start)
	} else {
		sb, err = c.env.Backend.Boot(ctx, c.spec)
		r.Stages.Boot = time.Since(start)
	}
	if err != nil {
		return fail(nil, OutcomeRefused, err)
	}
	if !c.serve {
		return sb, r
	}
	callee := Callee{Population: c.pop, Number: i % uniqueFunctions}
	start = time.Now()
	if err := sb.Import(ctx, callee.Function()); err != nil {
		return fail(sb, OutcomeRefused, err)
	}
	r.Stages.Import = time.Since(start)
	start = time.Now()
	outcome, message := invoke(ctx, sb, callee)
	r.Stages.Run = time.Since(start)
	if outcome != string(isolation.OK) {
		return fail(sb, outcome, errors.New(message))
	}
	return sb, r
}

// function is the name of the function that instance i has imported; "" if none.
func (c *creator) function(i int) string {
	if !c.serve {
		return ""
	}
	return c.pop.Name(i % uniqueFunctions)
}

func (c *creator) close() error {
	var err error
	if c.first != nil {
		err = c.first.Close()
	}
	if c.snap != nil {
		err = errors.Join(err, c.snap.Close())
	}
	return err
}
