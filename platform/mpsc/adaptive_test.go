package mpsc

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/lambdabench/lambdabench/runtime/runtimetest"
)

// childRecord, in the environment, has the test binary record tests into a
// database until it is killed, instead of running tests.
const childRecord = "LAMBDABENCH_TEST_MPSC"

func TestMain(m *testing.M) {
	if path := os.Getenv(childRecord); path != "" {
		db, err := OpenDatabase(path)
		for n := 1; err == nil; n++ {
			if _, err = db.Record(context.Background(), Test{Function: "nop", Provider: "p",
				RoundTrip: time.Duration(n), Class: OK}); err == nil {
				_, err = os.Stdout.WriteString(strconv.Itoa(n) + "\n") // acknowledged
			}
		}
		os.Stderr.WriteString(err.Error())
		os.Exit(1)
	}
	goleak.VerifyTestMain(m)
}

func TestAKilledControllerLosesNoRecordedTest(t *testing.T) {
	path := filepath.Join(t.TempDir(), "m.db")
	acknowledged := filepath.Join(t.TempDir(), "acknowledged")
	out, err := os.Create(acknowledged)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childRecord+"="+path)
	cmd.Stdout, cmd.Stderr = out, os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer runtimetest.Kill(cmd)
	runtimetest.Eventually(t, "tests are recorded", func() bool {
		st, err := out.Stat()
		return err == nil && st.Size() > 60
	})
	runtimetest.Kill(cmd)
	text, err := os.ReadFile(acknowledged)
	if err != nil {
		t.Fatal(err)
	}
	want := 0
	for _, b := range text {
		if b == '\n' {
			want++
		}
	}
	db, err := OpenDatabase(path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	all, err := db.Recent(t.Context(), "nop", "p", time.Unix(0, 0), 1_000_000)
	if err != nil || len(all) < want || want == 0 {
		t.Fatalf("%d of %d acknowledged tests are there, %v", len(all), want, err)
	}
	for i, x := range all {
		if x.RoundTrip != time.Duration(i+1) {
			t.Fatalf("test %d is %+v", i+1, x)
		}
	}
}

func TestAppendedTestsAreReadAtOnceAndOutliveClose(t *testing.T) {
	path := filepath.Join(t.TempDir(), "m.db")
	for round := range 2 {
		db, err := OpenDatabase(path)
		if err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		for range 50 {
			wg.Go(func() {
				if _, err := db.Append(Test{Function: "nop", Provider: "p", Class: OK}); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if all, err := db.Recent(t.Context(), "nop", "p", time.Unix(0, 0), 1000); err != nil ||
			len(all) != 50+51*round {
			t.Errorf("round %d: %d, %v", round, len(all), err)
		}
		db.Append(Test{Function: "nop", Provider: "p", Class: OK})
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestAdaptiveLeavesAProviderThatTurnsSlowAndReturnsToIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := t.Context()
		var slow atomic.Bool
		edge := scripted(func(ctx context.Context) ([]byte, error) {
			if slow.Load() {
				return takes(500 * time.Millisecond)(ctx)
			}
			return takes(time.Millisecond)(ctx)
		})
		cfg := config("edge", "cloud")
		cfg.Schedule = ScheduleAdaptive
		c := controller(t, cfg, Options{Executors: map[string]Executor{"edge": edge,
			"cloud": takes(30 * time.Millisecond)}})
		picks := func() string {
			t.Helper()
			r, err := c.Recommend(ctx, "nop", "")
			if err != nil {
				t.Fatal(err)
			}
			if order := c.adaptiveOrder("nop"); order[0] != r.Provider {
				t.Errorf("the proxy's order %v begins with another than %s", order, r.Provider)
			}
			return r.Provider
		}
		test := func(provider string) {
			t.Helper()
			if _, err := c.Test(ctx, "nop", provider); err != nil {
				t.Fatal(err)
			}
		}
		for range 4 {
			test("edge")
			test("cloud")
		}
		if got := picks(); got != "edge" {
			t.Fatalf("while the edge is well: %s", got)
		}
		slow.Store(true)
		var wg sync.WaitGroup
		wg.Go(func() { c.Invoke(ctx, "nop", nil) })
		time.Sleep(150 * time.Millisecond) // far from the slow call's end
		if got := picks(); got != "cloud" {
			t.Errorf("while a slow call is under way: %s", got)
		}
		wg.Wait()
		if got := picks(); got != "cloud" {
			t.Errorf("after a slow call: %s", got)
		}
		slow.Store(false)
		for range 4 {
			test("edge")
		}
		if got := picks(); got != "edge" {
			t.Errorf("when the edge is well again: %s", got)
		}
	})
}

func TestAskingForFunctionsThatAreNotThereTakesNoMemory(t *testing.T) {
	c := controller(t, config("a", "b"), Options{Executors: map[string]Executor{"a": takes(0), "b": takes(0)}})
	if _, err := c.Metrics(t.Context(), "made-up"); err != nil {
		t.Fatal(err)
	}
	if n := len(c.live.state); n != 0 {
		t.Errorf("%d entries are kept", n)
	}
}

func TestAdaptiveAvoidsAProviderThatFailsFast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var broken atomic.Bool
		fast := scripted(func(ctx context.Context) ([]byte, error) {
			if broken.Load() {
				return fails(ServerError)(ctx)
			}
			return takes(4 * time.Millisecond)(ctx)
		})
		cfg := config("fast", "slow")
		cfg.Schedule = ScheduleAdaptive
		c := controller(t, cfg, Options{Executors: map[string]Executor{"fast": fast,
			"slow": takes(20 * time.Millisecond)}})
		for _, p := range []string{"fast", "slow"} {
			c.Test(t.Context(), "nop", p)
		}
		broken.Store(true)
		tried := 0
		for range 20 {
			r, err := c.Invoke(t.Context(), "nop", nil)
			if err != nil {
				t.Fatal(err)
			}
			tried += len(r.Tried)
		}
		if tried > 20+12 {
			t.Errorf("20 calls took %d tries: the failing provider is asked again and again", tried)
		}
	})
}

func TestAdaptiveRecommendsNoProviderThatNeverWorkedHoweverFastItFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var works atomic.Bool
		edge := scripted(func(ctx context.Context) ([]byte, error) {
			if works.Load() {
				return takes(0)(ctx)
			}
			return fails(Unreachable)(ctx)
		})
		cfg := config("edge", "cloud")
		cfg.Schedule = ScheduleAdaptive
		c := controller(t, cfg, Options{Executors: map[string]Executor{"edge": edge,
			"cloud": takes(30 * time.Millisecond)}})
		picks := func() string {
			r, err := c.Recommend(t.Context(), "nop", "")
			if err != nil {
				return err.Error()
			}
			return r.Provider
		}
		for range givenUp {
			c.Test(t.Context(), "nop", "edge")
		}
		if got := picks(); !strings.Contains(got, ErrNoProvider.Error()) {
			t.Errorf("when all that is known is down: %s", got)
		}
		c.Test(t.Context(), "nop", "cloud")
		if got := picks(); got != "cloud" {
			t.Errorf("when the edge is down: %s", got)
		}
		works.Store(true)
		for range 6 {
			c.Test(t.Context(), "nop", "edge")
		}
		if got := picks(); got != "edge" {
			t.Errorf("when the edge is up: %s", got)
		}
		again, err := NewController(cfg, c.db, Options{Executors: c.executors})
		if err != nil {
			t.Fatal(err)
		}
		if r, err := again.Recommend(t.Context(), "nop", ""); err != nil || r.Provider != "edge" {
			t.Errorf("after a restart, before any call: %+v, %v", r, err)
		}
	})
}

func TestAHedgedCallIsAnsweredByTheSecondWhenTheFirstHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var hangs atomic.Bool
		first := scripted(func(ctx context.Context) ([]byte, error) {
			if !hangs.Load() {
				return takes(time.Millisecond)(ctx)
			}
			return takes(700 * time.Millisecond)(ctx)
		})
		cfg := config("first", "second")
		cfg.Schedule, cfg.Hedge = ScheduleAdaptive, true
		c := controller(t, cfg, Options{Executors: map[string]Executor{"first": first,
			"second": takes(20 * time.Millisecond)}})
		for _, p := range []string{"first", "second"} {
			c.Test(t.Context(), "nop", p)
		}
		hangs.Store(true)
		r, err := c.Invoke(t.Context(), "nop", nil)
		if err != nil || len(r.Tried) != 1 || r.Tried[0].Provider != "second" {
			t.Fatalf("%+v, %v", r, err)
		}
		c.Close()
		all, err := c.db.Recent(t.Context(), "nop", "first", time.Unix(0, 0), 10)
		if err != nil || len(all) != 2 || all[1].RoundTrip < 700*time.Millisecond {
			t.Errorf("the call that was overtaken is not recorded as it went: %+v, %v", all, err)
		}
	})
}
