package conformance

import (
	"maps"
	"strings"
	"testing"

	"github.com/lambdabench/lambdabench/runtime/isolation"
)

// prepared: a function finds the same in a sandbox that ran the steps of anticipatory
// optimisation as in one that did not.
func (s *suite) prepared(t *testing.T) {
	steps := []string{isolation.StepNetwork, isolation.StepInterpreter, isolation.StepGC}
	if a, ok := s.backend.(isolation.Anticipator); ok {
		steps = append(steps, a.Anticipate()...)
	}
	plain := s.load(t, s.function("index.handler"))
	t.Run("environment", func(t *testing.T) { s.preparedEnvironment(t, plain, s.bootPrepared(t, steps)) })
	t.Run("randomness", func(t *testing.T) {
		sameNothing(t, s.bootPrepared(t, steps), s.bootPrepared(t, steps))
	})
	for unknown, spec := range map[string]isolation.BootSpec{
		"no-such-step":     {Prepare: []string{"no-such-step"}},
		"no-such-function": {Prepare: []string{isolation.StepInterpreter}, Training: []string{"no-such-function"}},
	} {
		t.Run(unknown, func(t *testing.T) {
			spec.Interpreter = s.in
			sb, err := s.backend.Boot(t.Context(), spec)
			if err == nil {
				sb.Close()
			}
			if err == nil || !strings.Contains(err.Error(), unknown) {
				t.Errorf("error %v, want one that names %s", err, unknown)
			}
		})
	}
}

// bootPrepared boots a sandbox with steps, and imports the function of most cases.
func (s *suite) bootPrepared(t *testing.T, steps []string) isolation.Sandbox {
	t.Helper()
	sb := s.bootAs(t, isolation.BootSpec{Prepare: steps})
	s.importInto(t, sb, s.function("index.handler"))
	return sb
}

func (s *suite) preparedEnvironment(t *testing.T, plain, prepared isolation.Sandbox) {
	res := invoke(t, prepared, do("variables"))
	if len(res.Logs) > 0 {
		t.Errorf("the log of the first invocation has %q, of the training runs", res.Logs)
	}
	got := mustSucceed[map[string]string](t, res)
	want := mustSucceed[map[string]string](t, invoke(t, plain, do("variables")))
	// Some backends have a directory for each sandbox.
	for _, own := range []string{"HOME", "TMPDIR", "LAMBDA_TASK_ROOT", "LAMBDA_RUNTIME_DIR", "LD_LIBRARY_PATH"} {
		for _, v := range []map[string]string{got, want} {
			delete(v, own)
		}
	}
	if !maps.Equal(got, want) {
		t.Errorf("the variables are %v, want %v", got, want)
	}
	loaded := mustSucceed[[]string](t, invoke(t, prepared, do("training")))
	if len(loaded) > 0 {
		t.Errorf("of the training functions %v are left", loaded)
	}
	wantResult(t, invoke(t, prepared, do("recall")), "null")
}

// sameNothing compares every random value of two sandboxes.
func sameNothing(t *testing.T, a, b isolation.Sandbox) {
	x, y := mustSucceed[[]string](t, invoke(t, a, do("random"))), mustSucceed[[]string](t, invoke(t, b, do("random")))
	for i := range x {
		// Sandboxes with a PID namespace each may have the same process id.
		if x[i] == y[i] && !strings.HasPrefix(x[i], "pid:") {
			t.Errorf("both sandboxes have %s", x[i])
		}
	}
}
