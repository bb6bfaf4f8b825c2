package mpsc

import (
	"errors"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lambdabench/lambdabench/platform/worker"
	"github.com/lambdabench/lambdabench/runtime/isolation"
	"github.com/lambdabench/lambdabench/runtime/process"
)

// pythonSandbox is a worker on the process backend.
func pythonSandbox(t *testing.T) Sandbox {
	t.Helper()
	in, err := isolation.FindInterpreter(t.Context(), "python")
	if err != nil {
		t.Skip(err)
	}
	b := process.New(process.Config{})
	w, err := worker.New(worker.Config{}, b, []isolation.Interpreter{in})
	if err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "mpsc-schedules-") // readable for a sandbox that is another user
	if err != nil {
		t.Fatal(err)
	}
	os.Chmod(dir, 0o755)
	t.Cleanup(func() { w.Close(); b.Close(); os.RemoveAll(dir) })
	return Sandbox{Runner: w, Runtime: in.Runtime, Dir: dir}
}

const paperSchedule = `from mpsc import ComputeBaseClass

class Paper(ComputeBaseClass):
    def schedule(self, providers):
        good = [p for p in providers if p.cost_usd < 2 and p.mean_ms < 20]
        return max(good, key=lambda p: p.mean_ms).name
`

func TestUserSchedulesRunInTheSandboxAndBadOnesLeaveThePreviousInPlace(t *testing.T) {
	ctx := t.Context()
	cfg := config("a", "b", "c")
	cfg.Limit = 3 * time.Second
	c := controller(t, cfg, Options{Sandbox: pythonSandbox(t)})
	if err := c.AddSchedule(ctx, "other", strings.Replace(paperSchedule, "key=lambda p: p.mean_ms",
		"key=lambda p: 1 / p.recent_ms / p.p99_ms", 1)); err != nil {
		t.Errorf("a schedule that takes every time to be above 0: %v", err)
	}
	if err := c.AddSchedule(ctx, "mine", paperSchedule); err != nil {
		t.Fatal(err)
	}
	if err := c.Use(ctx, "mine"); err != nil {
		t.Fatal(err)
	}
	for p, took := range map[string]time.Duration{"a": time.Millisecond, "b": 8 * time.Millisecond,
		"c": time.Microsecond} {
		if _, err := c.db.Record(ctx, Test{Function: "nop", Provider: p, RoundTrip: took, Class: OK}); err != nil {
			t.Fatal(err)
		}
	}
	for name, source := range map[string]string{
		"hangs":   strings.Replace(paperSchedule, "good =", "\n        while True: pass\n        good =", 1),
		"throws":  strings.Replace(paperSchedule, "good =", "\n        1/0\n        good =", 1),
		"unknown": strings.Replace(paperSchedule, "return", "return 'nobody'\n        return", 1),
		"number":  strings.Replace(paperSchedule, "return", "return 7\n        return", 1),
		"syntax":  "class",
		"none":    "x = 1\n",
	} {
		t.Run(name, func(t *testing.T) {
			err := c.AddSchedule(ctx, "mine", source)
			if !errors.Is(err, ErrBadSchedule) {
				t.Errorf("accepted: %v", err)
			}
			got, err := c.Recommend(ctx, "nop", "")
			if err != nil || got.Provider != "b" || got.Schedule != "mine" {
				t.Errorf("the previous schedule is gone: %+v, %v", got, err)
			}
		})
	}
	// A new controller on the same database has the schedule and the choice.
	again, err := NewController(cfg, c.db, Options{Sandbox: c.sandbox, Executors: c.executors})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := again.Recommend(ctx, "nop", ""); err != nil || got.Provider != "b" {
		t.Errorf("after a restart: %+v, %v", got, err)
	}
}

func TestOneScheduleUploadedTwiceAtOnceIsOneOfTheTwoAlsoAfterARestart(t *testing.T) {
	cfg := config("a", "b")
	c := controller(t, cfg, Options{Sandbox: pythonSandbox(t),
		Executors: map[string]Executor{"a": takes(0), "b": takes(0)}})
	always := func(name string) string {
		return "from mpsc import ComputeBaseClass\nclass Always(ComputeBaseClass):\n    def schedule(self, " +
			"providers):\n        return '" + name + "'\n"
	}
	for range 5 {
		var wg sync.WaitGroup
		errs := make([]error, 4)
		for i := range errs { // twice the same, and twice another
			wg.Go(func() { errs[i] = c.AddSchedule(t.Context(), "same", always(string(rune('a'+i%2)))) })
		}
		wg.Wait()
		if err := errors.Join(errs...); err != nil {
			t.Fatal(err)
		}
		now, err := c.Recommend(t.Context(), "nop", "same")
		if err != nil {
			t.Fatal(err)
		}
		again, err := NewController(cfg, c.db, Options{Sandbox: c.sandbox, Executors: c.executors})
		if err != nil {
			t.Fatal(err)
		}
		if later, err := again.Recommend(t.Context(), "nop", "same"); err != nil || later.Provider != now.Provider {
			t.Errorf("%s before a restart, %s after it, %v", now.Provider, later.Provider, err)
		}
	}
}
