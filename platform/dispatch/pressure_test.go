package dispatch

import (
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/lambdabench/lambdabench/runtime/runtimetest"
)

// loaded is a dispatcher that may run base invocations whatever the load, on a
// host of which the test says how many tasks are ready to run.
func loaded(t *testing.T, inv Invoker, base, ready int) (*Dispatcher, *atomic.Int64) {
	t.Helper()
	d := open(t, Config{}, inv)
	var tasks atomic.Int64
	tasks.Store(int64(ready))
	d.pressure = pressure{base: base, most: base, runnable: func() (int, bool) { return int(tasks.Load()), true }}
	return d, &tasks
}

// runs waits until n invocations run.
func runs(t *testing.T, d *Dispatcher, n int) {
	t.Helper()
	runtimetest.Eventually(t, fmt.Sprint(n, " invocations run"), func() bool { return d.Stats().Running == n })
}

func finish(t *testing.T, s *stage, all []chan answer) {
	t.Helper()
	close(s.end)
	for _, done := range all {
		if a := <-done; a.err != nil {
			t.Error(a.err)
		}
	}
}

func TestLoadedHostRunsAFewAndTheRestWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage()
		d, tasks := loaded(t, s, 4, 40)
		defer d.Close()
		var all []chan answer
		for i := range 50 {
			all = append(all, send(t, d, t.Context(), fmt.Sprint("f", i)))
		}
		if st := d.Stats(); st.Running != 4 || st.Waiting != 46 {
			t.Errorf("%+v, want 4 to run", st)
		}
		tasks.Store(0)
		runs(t, d, 50)
		finish(t, s, all)
	})
}

func TestInvocationsThatSleepAreBoundedByConcurrencyAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage()
		d, _ := loaded(t, s, 4, 0)
		defer d.Close()
		var all []chan answer
		for range 300 {
			all = append(all, send(t, d, t.Context(), "sleeper"))
		}
		runs(t, d, 300)
		finish(t, s, all)
	})
}

func TestFunctionBeginsAtOnceBesideAnotherThatFillsTheHost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage()
		d, tasks := loaded(t, s, 8, 0)
		defer d.Close()
		var all []chan answer
		for range 8 {
			all = append(all, send(t, d, t.Context(), "noisy"))
		}
		runs(t, d, 8)
		tasks.Store(16)
		for range 20 {
			all = append(all, send(t, d, t.Context(), "noisy"))
		}
		before := d.Stats().Running
		all = append(all, send(t, d, t.Context(), "quiet"))
		if st := d.Stats(); st.Running != before+1 {
			t.Errorf("%+v: the quiet function waits", st)
		}
		finish(t, s, all)
	})
}

func TestInvocationsThatWaitForFurtherOnesGoOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage()
		d, _ := loaded(t, s, 2, 40)
		defer d.Close()
		var all []chan answer
		for i := range 4 {
			all = append(all, send(t, d, t.Context(), fmt.Sprint("f", i)))
		}
		runs(t, d, 4) // though nothing ends and the host stays loaded
		finish(t, s, all)
	})
}

func TestRunnableIsReadFromLoadavg(t *testing.T) {
	for text, want := range map[string]int{"0.50 0.40 0.30 3/121 4711\n": 2, "0.00 0.00 0.00 1/99 1\n": 0} {
		path := filepath.Join(t.TempDir(), "loadavg")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if n, ok := runnable(path); n != want || !ok {
			t.Errorf("%q: %d, %v, want %d", text, n, ok, want)
		}
	}
	if _, ok := runnable(filepath.Join(t.TempDir(), "none")); ok {
		t.Error("known without the file")
	}
}
