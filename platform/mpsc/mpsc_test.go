package mpsc

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lambdabench/lambdabench/platform/worker"
	"github.com/lambdabench/lambdabench/runtime"
	"github.com/lambdabench/lambdabench/runtime/process"
)

// scripted is an executor that does what the test says.
type scripted func(ctx context.Context) ([]byte, error)

func (s scripted) Execute(ctx context.Context, _ string, _ []byte) ([]byte, error) { return s(ctx) }

func takes(d time.Duration) scripted {
	return func(ctx context.Context) ([]byte, error) {
		select {
		case <-time.After(d):
			return []byte(`"done"`), nil
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

func fails(class Class) scripted {
	return func(context.Context) ([]byte, error) { return nil, &CallError{class, "as the test says"} }
}

func config(names ...string) Config {
	cfg := Config{Functions: []string{"nop"}, Interval: -1}
	for i, n := range names {
		cfg.Providers = append(cfg.Providers, Provider{Name: n, Type: TypeHTTP, APIHost: "http://127.0.0.1:1", URL: "{host}/{function}", Cost: float64(i)})
	}
	return cfg.withDefaults()
}

func controller(t *testing.T, cfg Config, opts Options) *Controller {
	t.Helper()
	db, err := OpenDatabase(filepath.Join(t.TempDir(), "m.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	c, err := NewController(cfg, db, opts)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestRecommendsTheFastestProviderThatWorks(t *testing.T) {
	ctx := t.Context()
	c := controller(t, config("slow", "fast", "down"), Options{Executors: map[string]Executor{
		"slow": takes(30 * time.Millisecond), "fast": takes(time.Millisecond), "down": fails(Unreachable)}})
	if _, err := c.Recommend(ctx, "nop", ""); !errors.Is(err, ErrNoProvider) {
		t.Errorf("before any test: %v", err)
	}
	for range 3 {
		for _, p := range []string{"slow", "fast", "down"} {
			if _, err := c.Test(ctx, "nop", p); err != nil {
				t.Fatal(err)
			}
		}
	}
	for schedule, want := range map[string]string{"": "fast", ScheduleCheapest: "slow"} { // slow costs 0 and is below the bound
		got, err := c.Recommend(ctx, "nop", schedule)
		if err != nil || got.Provider != want {
			t.Errorf("schedule %q: %+v, %v; want %s", schedule, got, err, want)
		}
	}
	if _, err := c.Recommend(ctx, "nop", "nobody"); !errors.Is(err, ErrUnknownSchedule) {
		t.Error(err)
	}
	if _, err := c.Test(ctx, "nop", "nobody"); !errors.Is(err, ErrUnknownProvider) {
		t.Error(err)
	}
}

func TestAProviderThatGoesDownIsLeftThoughItWorkedWellForLong(t *testing.T) {
	var down atomic.Bool
	fast := scripted(func(ctx context.Context) ([]byte, error) {
		if down.Load() {
			return fails(Unreachable)(ctx)
		}
		return takes(0)(ctx)
	})
	c := controller(t, config("fast", "slow"), Options{Executors: map[string]Executor{"fast": fast, "slow": takes(20 * time.Millisecond)}})
	test := func(times int) {
		for range times {
			for _, p := range []string{"fast", "slow"} {
				if _, err := c.Test(t.Context(), "nop", p); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	recommended := func(want string) {
		t.Helper()
		for _, s := range []string{ScheduleFastest, ScheduleCheapest} { // fast costs less, too
			if got, err := c.Recommend(t.Context(), "nop", s); err != nil || got.Provider != want {
				t.Errorf("%s: %+v, %v; want %s", s, got, err, want)
			}
		}
	}
	test(10)
	recommended("fast")
	down.Store(true)
	test(givenUp)
	recommended("slow")
	down.Store(false)
	test(1)
	recommended("fast")
}

func TestWeightedSpreadsCallsBySpeed(t *testing.T) {
	w := NewWeighted(7)
	all := []Metrics{{Provider: "a", Tests: 10, Mean: 10}, {Provider: "b", Tests: 10, Mean: 30}, {Provider: "dead", Tests: 3, Errors: 3}}
	count := map[string]int{}
	for range 4000 {
		name, err := w.Choose(t.Context(), all)
		if err != nil {
			t.Fatal(err)
		}
		count[name]++
	}
	if count["dead"] > 0 || count["a"] < 2850 || count["a"] > 3150 {
		t.Errorf("%v, want about 3000 a and 1000 b", count)
	}
}

func TestProxyFallsOverToTheNextProviderAndNotOnTheFunctionsOwnError(t *testing.T) {
	ctx := t.Context()
	var broken atomic.Bool
	first := scripted(func(ctx context.Context) ([]byte, error) {
		if broken.Load() {
			return fails(ServerError)(ctx)
		}
		return takes(0)(ctx)
	})
	c := controller(t, config("first", "second"), Options{Executors: map[string]Executor{"first": first, "second": takes(5 * time.Millisecond)}})
	for _, p := range []string{"first", "second"} {
		c.Test(ctx, "nop", p)
	}
	broken.Store(true)
	reply, err := c.Invoke(ctx, "nop", []byte(`{}`))
	if err != nil || string(reply.Payload) != `"done"` || len(reply.Tried) != 2 || reply.Tried[1].Provider != "second" {
		t.Fatalf("%+v, %v", reply, err)
	}
	c2 := controller(t, config("only", "other"), Options{Executors: map[string]Executor{"only": fails(FunctionError), "other": takes(0)}})
	reply, err = c2.Invoke(ctx, "nop", nil)
	var call *CallError
	if !errors.As(err, &call) || call.Class != FunctionError || len(reply.Tried) != 1 {
		t.Errorf("%+v, %v", reply, err)
	}
}

func TestRecordedTestsSurviveAndTimeNeverRunsBackwards(t *testing.T) {
	path := filepath.Join(t.TempDir(), "m.db")
	db, err := OpenDatabase(path)
	if err != nil {
		t.Fatal(err)
	}
	db.epoch = db.epoch.Add(time.Hour) // the clock was an hour ahead
	before, err := db.Record(t.Context(), Test{Function: "f", Provider: "p", RoundTrip: 5, Class: OK})
	if err != nil {
		t.Fatal(err)
	}
	// Not closed: a process that is killed closes nothing either.
	again, err := OpenDatabase(path)
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	defer db.Close()
	after, err := again.Record(t.Context(), Test{Function: "f", Provider: "p", RoundTrip: 7, Class: ServerError})
	if err != nil {
		t.Fatal(err)
	}
	if !after.At.After(before.At) {
		t.Errorf("time ran backwards: %v then %v", before.At, after.At)
	}
	got, err := again.Recent(t.Context(), "f", "p", time.Time{}.Add(1), 10)
	if err != nil || len(got) != 2 || got[0].RoundTrip != 5 || got[1].Class != ServerError {
		t.Errorf("%+v, %v", got, err)
	}
	if got, _ := again.Recent(t.Context(), "f", "p", after.At, 10); len(got) != 1 {
		t.Errorf("window: %+v", got)
	}
}

func TestADatabaseThatAnotherProcessHoldsIsWaitedFor(t *testing.T) {
	path := filepath.Join(t.TempDir(), "m.db")
	a, err := OpenDatabase(path)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	tx, err := a.db.Begin()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Exec(`INSERT INTO settings VALUES ('k', 'v')`); err != nil {
		t.Fatal(err)
	}
	b, err := OpenDatabase(path)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	time.AfterFunc(300*time.Millisecond, func() { tx.Commit() })
	if _, err := b.Record(t.Context(), Test{Function: "f", Provider: "p", Class: OK}); err != nil {
		t.Errorf("record while the database was locked: %v", err)
	}
}

func TestConfigNamesWhatIsWrongWithIt(t *testing.T) {
	const good = "functions: [nop]\nproviders:\n- {name: a, type: aws, ApiHost: 'http://h', Cost: 0.1}\n"
	if cfg, err := ParseConfig([]byte(good)); err != nil || cfg.Interval != 30*time.Second || cfg.Schedule != "fastest" {
		t.Fatalf("%+v, %v", cfg, err)
	}
	for _, c := range []struct{ yaml, want string }{
		{strings.Replace(good, "Cost", "Price", 1), "line 3: field Price not found"},
		{strings.Replace(good, "aws", "gcp", 1), `type "gcp" is not aws`},
		{strings.Replace(good, "http://h", "h", 1), `ApiHost "h" is not a URL`},
		{strings.Replace(good, "0.1", "-1", 1), "negative"},
		{strings.Replace(good, "name: a", "name: 'a b'", 1), `name "a b"`},
		{"functions: [nop]\n", "at least one"},
		{good + "- {name: a, type: aws, ApiHost: 'http://h'}\n", `"a" is taken`},
		{strings.Replace(good, "type: aws", "type: http", 1), "needs url"},
	} {
		if _, err := ParseConfig([]byte(c.yaml)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q\ngave %v, want %q", c.yaml, err, c.want)
		}
	}
}

// pythonSandbox is a worker on the process backend.
func pythonSandbox(t *testing.T) Sandbox {
	t.Helper()
	in, err := runtime.FindInterpreter(t.Context(), "python")
	if err != nil {
		t.Skip(err)
	}
	b := process.New(process.Config{})
	w, err := worker.New(worker.Config{}, b, []runtime.Interpreter{in})
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
	c := controller(t, cfg, Options{Sandbox: pythonSandbox(t), Executors: map[string]Executor{
		"a": takes(time.Millisecond), "b": takes(8 * time.Millisecond), "c": takes(0)}})
	if err := c.AddSchedule(ctx, "other", strings.Replace(paperSchedule, "key=lambda p: p.mean_ms", "key=lambda p: 1 / p.recent_ms / p.p99_ms", 1)); err != nil {
		t.Errorf("a schedule that takes every time to be above 0: %v", err)
	}
	if err := c.AddSchedule(ctx, "mine", paperSchedule); err != nil {
		t.Fatal(err)
	}
	if err := c.Use(ctx, "mine"); err != nil {
		t.Fatal(err)
	}
	for _, p := range []string{"a", "b", "c"} {
		c.Test(ctx, "nop", p)
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
	c := controller(t, cfg, Options{Sandbox: pythonSandbox(t), Executors: map[string]Executor{"a": takes(0), "b": takes(0)}})
	always := func(name string) string {
		return "from mpsc import ComputeBaseClass\nclass Always(ComputeBaseClass):\n    def schedule(self, providers):\n        return '" + name + "'\n"
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

func TestRESTAPIAnswersAndExplains(t *testing.T) {
	cfg := config("a", "b")
	c := controller(t, cfg, Options{Executors: map[string]Executor{"a": takes(time.Millisecond), "b": fails(Throttled)}})
	srv := httptest.NewServer(Handler(c))
	defer srv.Close()
	call := func(method, path, body string) (int, string) {
		req, _ := http.NewRequest(method, srv.URL+path, strings.NewReader(body))
		resp, err := srv.Client().Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		out, _ := io.ReadAll(resp.Body)
		return resp.StatusCode, string(out)
	}
	for _, s := range []struct {
		method, path, body string
		status             int
		want               string
	}{
		{"GET", "/schedule/nop", "", 503, "no provider"},
		{"POST", "/test/nop", "", 200, `"class":"throttled"`},
		{"POST", "/test/nop?provider=zz", "", 404, "no such provider"},
		{"GET", "/metrics/nop", "", 200, `"errors":1`},
		{"GET", "/schedule/nop", "", 200, `"provider":"a"`},
		{"GET", "/schedule/nop?schedule=zz", "", 404, "no such schedule"},
		{"POST", "/run/nop", "{}", 200, `"done"`},
		{"POST", "/run/nop", "not json", 400, "not JSON"},
		{"POST", "/run/nop", "", 200, `"done"`},
		{"GET", "/test/nop", "", 405, "takes POST, not GET"},
		{"GET", "/schedul/nop", "", 404, "/openapi.yaml"},
		{"PUT", "/schedules/fastest", "x", 422, "built in"},
		{"PUT", "/schedules/mine", "x", 503, "no Python runtime"},
		{"PUT", "/schedules/mine", strings.Repeat("x", maxSchedule+1), 413, "too large"},
		{"POST", "/schedules/weighted/use", "", 200, "weighted"},
		{"POST", "/schedules/zz/use", "", 404, "no such schedule"},
		{"GET", "/schedules", "", 200, `"current":"weighted"`},
		{"GET", "/openapi.yaml", "", 200, "openapi: 3"},
	} {
		status, body := call(s.method, s.path, s.body)
		if status != s.status || !strings.Contains(body, s.want) {
			t.Errorf("%s %s: %d %s; want %d with %q", s.method, s.path, status, body, s.status, s.want)
		}
		if status >= 400 && !json.Valid([]byte(body)) {
			t.Errorf("%s %s: error is no JSON: %s", s.method, s.path, body)
		}
	}
}

func TestRunTestsEveryProviderAtTheInterval(t *testing.T) {
	cfg := config("a", "b")
	cfg.Interval = 20 * time.Millisecond
	c := controller(t, cfg, Options{Executors: map[string]Executor{"a": takes(0), "b": takes(time.Hour)}})
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- c.Run(ctx) }()
	for {
		all, err := c.Metrics(t.Context(), "nop")
		if err != nil {
			t.Fatal(err)
		}
		if all[0].Tests >= 3 { // although b hangs
			break
		}
		if ctx.Err() != nil {
			t.Fatalf("too few tests: %+v", all)
		}
		time.Sleep(10 * time.Millisecond)
	}
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}
