package trial

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/lambdabench/lambdabench/runtime/isolation"
	"github.com/lambdabench/lambdabench/runtime/process"
	"github.com/lambdabench/lambdabench/runtime/runtimetest"
)

// stub is a backend whose sandboxes do what the test says at one step; all others
// succeed.
type stub struct {
	isolation.Backend
	at     Step
	do     func(context.Context) error
	open   int // sandboxes and snapshots
	booted []string
}

func (s *stub) step(ctx context.Context, at Step) error {
	if s.at == at {
		return s.do(ctx)
	}
	return nil
}

func (s *stub) Name() string                { return "stub" }
func (s *stub) Probe(context.Context) error { return nil }

func (s *stub) Boot(ctx context.Context, spec isolation.BootSpec) (isolation.Sandbox, error) {
	s.booted = append(s.booted, spec.Interpreter.Runtime)
	return s.opened(s.step(ctx, Boot))
}

func (s *stub) Deploy(ctx context.Context, _ isolation.Snapshot, _ isolation.DeploySpec) (isolation.Sandbox, error) {
	return s.opened(s.step(ctx, Deploy))
}

func (s *stub) opened(err error) (isolation.Sandbox, error) {
	if err != nil {
		return nil, err
	}
	s.open++
	return &stubSandbox{stub: s}, nil
}

func (s *stub) Capture(ctx context.Context, _ isolation.Sandbox) (isolation.Snapshot, error) {
	if err := s.step(ctx, Capture); err != nil {
		return nil, err
	}
	s.open++
	return &stubSnapshot{s}, nil
}

type stubSnapshot struct{ *stub }

func (s *stubSnapshot) Size() int64                { return 1 }
func (s *stubSnapshot) Parent() isolation.Snapshot { return nil }
func (s *stubSnapshot) Close() error               { s.open--; return nil }

type stubSandbox struct {
	isolation.Sandbox
	*stub
}

func (s *stubSandbox) Import(ctx context.Context, _ isolation.Function) error {
	return s.step(ctx, Import)
}

func (s *stubSandbox) Invoke(ctx context.Context, inv isolation.Invocation) (isolation.Result, error) {
	if err := s.step(ctx, Call); err != nil {
		return isolation.Result{}, err
	}
	return isolation.Result{Outcome: isolation.OK, Payload: inv.Payload}, nil
}

func (s *stubSandbox) Close() error {
	s.open--
	return s.step(context.Background(), Close)
}

var node = isolation.Interpreter{Runtime: "nodejs20.x", Language: isolation.NodeJS}

func TestFailureNamesTheStepAndLeavesNothingOpen(t *testing.T) {
	broken := &isolation.Unavailable{Backend: "stub", Lacks: "it is broken", Remedy: "mend it"}
	for _, step := range []Step{Boot, Capture, Deploy, Import, Call, Close} {
		b := &stub{at: step, do: func(context.Context) error { return broken }}
		err := Trial{}.Run(t.Context(), b, node)
		var failed *Failure
		var lacks *isolation.Unavailable
		if !errors.As(err, &failed) || failed.Step != step || failed.Runtime != node.Runtime ||
			!errors.As(err, &lacks) {
			t.Errorf("%s: %v", step, err)
		}
		if b.open != 0 {
			t.Errorf("%s: %d sandboxes or snapshots are left", step, b.open)
		}
	}
}

func TestStepThatOutlastsItsDeadlineIsAFailureOfThatStep(t *testing.T) {
	for _, step := range []Step{Boot, Capture, Deploy, Import, Call} {
		b := &stub{at: step, do: func(ctx context.Context) error { <-ctx.Done(); return errors.New("signal: killed") }}
		err := Trial{Patience: 50 * time.Millisecond}.Run(t.Context(), b, node)
		var failed *Failure
		if !errors.As(err, &failed) || failed.Step != step || !strings.Contains(err.Error(), "within 50ms") {
			t.Errorf("%s: %v", step, err)
		}
	}
}

func TestBackendThatDoesNotHeedItsContextIsGivenUp(t *testing.T) {
	release := make(chan struct{})
	defer close(release)
	b := &stub{at: Boot, do: func(context.Context) error { <-release; return nil }}
	if err := (Trial{Patience: 50 * time.Millisecond}).Run(t.Context(), b, node); !errors.Is(err, ErrStuck) {
		t.Errorf("error %v", err)
	}
}

func TestTrialEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	b := &stub{at: Deploy, do: func(ctx context.Context) error { cancel(); <-ctx.Done(); return ctx.Err() }}
	var failed *Failure
	if err := (Trial{}).Run(ctx, b, node); !errors.Is(err, context.Canceled) || errors.As(err, &failed) {
		t.Errorf("error %v", err)
	}
	if b.open != 0 {
		t.Errorf("%d sandboxes or snapshots are left", b.open)
	}
}

func TestEveryInterpreterHasAVerdictOfItsOwn(t *testing.T) {
	python := isolation.Interpreter{Runtime: "python3.11", Language: isolation.Python}
	b := &stub{at: Boot}
	b.do = func(context.Context) error {
		if b.booted[len(b.booted)-1] == node.Runtime {
			return errors.New("no externalized builtin")
		}
		return nil
	}
	verdicts, err := Trial{}.All(t.Context(), b, []isolation.Interpreter{node, python})
	if err != nil || len(verdicts) != 2 || verdicts[0].Err == nil || verdicts[1].Err != nil {
		t.Errorf("%+v, %v", verdicts, err)
	}
}

func TestWorkingBackendPassesWithEveryInterpreter(t *testing.T) {
	b := process.New(process.Config{})
	defer b.Close()
	verdicts, err := Trial{}.All(t.Context(), b, runtimetest.Interpreters())
	if err != nil {
		t.Skip(err)
	}
	for _, v := range verdicts {
		if v.Err != nil {
			t.Error(v.Err)
		}
	}
}
