package unikernel

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/lambdabench/lambdabench/runtime"
)

// StepPrefetch is a step of anticipatory optimisation that this backend adds
// to the driver's: find out which pages the first import and the first run
// write and read, and have every blank populate them before its order comes.
// One call does what would be some hundred page faults.
const StepPrefetch = "prefetch"

// dummies are functions to learn from: what they touch, every function does.
var dummies = map[runtime.Language][2]string{
	runtime.NodeJS: {"index.js", "exports.handler = async (event) => event;\n"},
	runtime.Python: {"index.py", "def handler(event, context):\n    return event\n"},
}

// learn runs a dummy function in a UC of the snapshot and returns what it
// touched.
func (s *snap) learn() ([]layer, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	dir, err := os.MkdirTemp("", "lambdabench-dummy-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	source := dummies[s.in.Language]
	if err := os.WriteFile(filepath.Join(dir, source[0]), []byte(source[1]), 0o644); err != nil {
		return nil, err
	}
	trial := &snap{backend: s.backend, in: s.in, layer: s.layer, state: s.state, refs: 1}
	n, err := s.backend.growBase(trial, 0)
	if err != nil {
		return nil, err
	}
	defer n.close()
	trial.node.Store(n)
	sb, err := s.backend.deploy(trial, runtime.Limits{})
	if err != nil {
		return nil, err
	}
	sb.parent = nil // the trial is not counted
	defer sb.Close()
	fn := runtime.Function{Name: "dummy", Version: "$LATEST", Handler: "index.handler", Package: dir}
	if err := sb.Import(ctx, fn); err != nil {
		return nil, fmt.Errorf("learn what functions touch: %w", err)
	}
	inv := runtime.Invocation{ID: "00000000-0000-0000-0000-000000000000", Payload: []byte("{}"), Deadline: time.Now().Add(30 * time.Second)}
	if res, err := sb.Invoke(ctx, inv); err != nil || res.Outcome != runtime.OK {
		return nil, fmt.Errorf("learn what functions touch: %v %w", res.Error, err)
	}
	var layers []layer
	for _, o := range []struct {
		kind  uint16
		flags uint32
	}{{layerTouched, 0}, {layerRead, flagShared}} {
		err := sb.settled(ctx, func() error {
			_, got, _, err := sb.table(order{op: opScan, flags: o.flags})
			for _, t := range got {
				layers = append(layers, layer{addr: t.addr, pages: t.pages, kind: o.kind})
			}
			return err
		})
		if err != nil {
			return nil, fmt.Errorf("learn what functions touch: %w", err)
		}
	}
	return layers, nil
}

// split takes the steps that are this backend's own out of those for the
// driver.
func split(steps []string) (forDriver []string, prefetch bool) {
	for _, s := range steps {
		if s == StepPrefetch {
			prefetch = true
			continue
		}
		forDriver = append(forDriver, s)
	}
	return forDriver, prefetch
}
