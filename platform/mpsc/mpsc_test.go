package mpsc

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lambdabench/lambdabench/platform/sqlite"
	"github.com/lambdabench/lambdabench/platform/sqlite/sqlitetest"
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
		cfg.Providers = append(cfg.Providers, Provider{Name: n, Type: TypeHTTP, APIHost: "http://127.0.0.1:1",
			URL: "{host}/{function}", Cost: float64(i)})
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
	synctest.Test(t, func(t *testing.T) {
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
		// slow costs 0 and is below the bound
		for schedule, want := range map[string]string{"": "fast", ScheduleCheapest: "slow"} {
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
	})
}

func TestAProviderThatGoesDownIsLeftThoughItWorkedWellForLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var down atomic.Bool
		fast := scripted(func(ctx context.Context) ([]byte, error) {
			if down.Load() {
				return fails(Unreachable)(ctx)
			}
			return takes(0)(ctx)
		})
		c := controller(t, config("fast", "slow"), Options{Executors: map[string]Executor{"fast": fast,
			"slow": takes(20 * time.Millisecond)}})
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
	})
}

func TestWeightedSpreadsCallsBySpeed(t *testing.T) {
	w := NewWeighted(7)
	all := []Metrics{{Provider: "a", Tests: 10, Mean: 10}, {Provider: "b", Tests: 10, Mean: 30},
		{Provider: "dead", Tests: 3, Errors: 3}}
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
	synctest.Test(t, func(t *testing.T) {
		ctx := t.Context()
		var broken atomic.Bool
		first := scripted(func(ctx context.Context) ([]byte, error) {
			if broken.Load() {
				return fails(ServerError)(ctx)
			}
			return takes(0)(ctx)
		})
		c := controller(t, config("first", "second"), Options{Executors: map[string]Executor{"first": first,
			"second": takes(5 * time.Millisecond)}})
		for _, p := range []string{"first", "second"} {
			c.Test(ctx, "nop", p)
		}
		broken.Store(true)
		reply, err := c.Invoke(ctx, "nop", []byte(`{}`))
		if err != nil || string(reply.Payload) != `"done"` || len(reply.Tried) != 2 ||
			reply.Tried[1].Provider != "second" {
			t.Fatalf("%+v, %v", reply, err)
		}
		c2 := controller(t, config("only", "other"), Options{Executors: map[string]Executor{
			"only":  fails(FunctionError),
			"other": takes(0)}})
		reply, err = c2.Invoke(ctx, "nop", nil)
		var call *CallError
		if !errors.As(err, &call) || call.Class != FunctionError || len(reply.Tried) != 1 {
			t.Errorf("%+v, %v", reply, err)
		}
	})
}

func TestACallWhoseClientLeftIsNoSuccessWithoutAPayload(t *testing.T) {
	cfg := config("a")
	cfg.Hedge = true // the call itself outlives its client
	var leave context.CancelFunc
	c := controller(t, cfg, Options{Executors: map[string]Executor{"a": scripted(func(context.Context) ([]byte, error) {
		leave()
		return []byte("1"), nil
	})}})
	for range 50 { // both the end and the answer are there: either may be seen first
		ctx, cancel := context.WithCancel(t.Context())
		leave = cancel
		if r, err := c.Invoke(ctx, "nop", nil); err == nil && string(r.Payload) != "1" {
			t.Fatalf("%+v and no error", r)
		}
	}
	c.Close()
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

func TestADamagedLogOfTheDatabaseIsSaid(t *testing.T) {
	live, dir := t.TempDir(), t.TempDir()
	db, err := OpenDatabase(filepath.Join(live, "m.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for range 3 {
		if _, err := db.Record(t.Context(), Test{Function: "f", Provider: "p", Class: OK}); err != nil {
			t.Fatal(err)
		}
	}
	sqlitetest.DamagedCopy(t, live, dir, "m.db", 0.5)
	for start := range 2 {
		again, err := OpenDatabase(filepath.Join(dir, "m.db"))
		if err != nil {
			t.Fatal(err)
		}
		if said := fmt.Sprint(again.Damage()); strings.Contains(said, "m.db-wal is damaged") != (start == 0) {
			t.Errorf("start %d: %s", start, said)
		}
		if err := again.Close(); err != nil {
			t.Error(err)
		}
	}
	if copies, err := sqlite.Damaged(dir); len(copies) != 1 || err != nil {
		t.Errorf("copies %v, error %v", copies, err)
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
	if cfg, err := ParseConfig([]byte(good)); err != nil || cfg.Interval != 30*time.Second ||
		cfg.Schedule != "fastest" {
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
		{"", "configs/mpsc.yaml"},
		{good + "---\n" + good, "one document"},
	} {
		if _, err := ParseConfig([]byte(c.yaml)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q\ngave %v, want %q", c.yaml, err, c.want)
		}
	}
}

func TestRunTestsEveryProviderAtTheInterval(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := config("a", "b")
		cfg.Interval = 20 * time.Millisecond
		c := controller(t, cfg, Options{Executors: map[string]Executor{"a": takes(0), "b": takes(time.Hour)}})
		ctx, cancel := context.WithTimeout(t.Context(), 3*cfg.Interval)
		defer cancel()
		if err := c.Run(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		if all, err := c.Metrics(t.Context(), "nop"); err != nil || all[0].Tests < 3 { // although b hangs
			t.Errorf("too few tests in three intervals: %+v, %v", all, err)
		}
	})
}
