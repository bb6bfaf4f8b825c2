package worker

import (
	"context"
	"fmt"
	"syscall"
	"testing"
	"time"

	"github.com/lambdabench/lambdabench/runtime/backends"
	"github.com/lambdabench/lambdabench/runtime/bubblewrap"
	"github.com/lambdabench/lambdabench/runtime/isolation"
	"github.com/lambdabench/lambdabench/runtime/proc"
	"github.com/lambdabench/lambdabench/runtime/runtimetest"
)

// idleForLong has all sandboxes without a call be idle for longer than askAfter.
func idleForLong(w *Worker) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.eachWithoutCall(func(inst *instance) { inst.idleSince -= int64(2 * askAfter) })
}

func TestStoppedSandboxTakesNoCall(t *testing.T) {
	f := newFake(t)
	var used *fakeSandbox
	f.onInvoke = func(sb *fakeSandbox, _ isolation.Invocation) (isolation.Result, error) {
		if sb.stopped.Load() {
			t.Error("a stopped sandbox got an event")
		}
		used = sb
		return isolation.Result{Outcome: isolation.OK, Payload: []byte(sb.function)}, nil
	}
	w := start(t, Config{}, f)
	wantPaths(t, w, "boot hot", "a", "a")
	used.stopped.Store(true)
	idleForLong(w)
	wantPaths(t, w, "boot hot", "a", "a")
}

func TestSandboxThatServedJustNowIsNotAsked(t *testing.T) {
	w := start(t, Config{}, newFake(t))
	invoke(t, w, "a")
	w.mu.Lock()
	defer w.mu.Unlock()
	inst := w.idle.first()
	inst.sb.(*fakeSandbox).stopped.Store(true) // nobody looks
	inst.idleSince = w.clock() + int64(time.Minute)
	if err := w.lost(inst); err != nil {
		t.Error(err)
	}
	inst.idleSince = w.clock() - int64(askAfter)
	if err := w.lost(inst); err == nil {
		t.Error("a sandbox that was idle for longer was not asked")
	}
}

func TestStoppedStemCellTakesNoCall(t *testing.T) {
	f := newFake(t)
	f.onInvoke = func(sb *fakeSandbox, _ isolation.Invocation) (isolation.Result, error) {
		if sb.stopped.Load() {
			t.Error("a stopped stem cell got an event")
		}
		return isolation.Result{Outcome: isolation.OK, Payload: []byte(sb.function)}, nil
	}
	w := start(t, Config{StemCells: 1}, f)
	ready(t, w)
	w.mu.Lock()
	cell := w.languages[node.Runtime].stems.first().sb.(*fakeSandbox)
	w.mu.Unlock()
	cell.stopped.Store(true)
	idleForLong(w)
	invoke(t, w, "a")
	runtimetest.Eventually(t, "the stopped stem cell is closed", cell.closed.Load)
}

func TestJanitorReplacesWhatWasStopped(t *testing.T) {
	w := start(t, Config{StemCells: 1}, newFake(t))
	ready(t, w)
	invoke(t, w, "a")
	ready(t, w)
	var all []*fakeSandbox
	w.mu.Lock()
	w.eachWithoutCall(func(inst *instance) { all = append(all, inst.sb.(*fakeSandbox)) })
	w.mu.Unlock()
	if len(all) != 2 {
		t.Fatalf("%d sandboxes are without a call", len(all))
	}
	for _, sb := range all {
		sb.stopped.Store(true)
	}
	runtimetest.Eventually(t, "the stopped sandboxes are closed", func() bool {
		return all[0].closed.Load() && all[1].closed.Load()
	})
	ready(t, w) // the stem cell is there again
	wantPaths(t, w, "cold hot", "a", "a")
}

// The processes of an idle sandbox are stopped one after the other, on every backend.
// The next call finds another sandbox, and does not wait for its time-out.
func TestStoppedProcessOfAnIdleSandboxCostsNoCall(t *testing.T) {
	all := append(backends.All(backends.Config{}), bubblewrap.New(bubblewrap.Config{}))
	for _, backend := range all {
		t.Run(backend.Name(), func(t *testing.T) {
			defer backend.Close()
			if err := backend.Probe(t.Context()); err != nil {
				t.Skip(err)
			}
			in := runtimetest.Interpreter(t, isolation.Python)
			w, err := New(Config{}, backend, []isolation.Interpreter{in})
			if err != nil {
				t.Fatal(err)
			}
			defer w.Close()
			stopEachProcess(t, w, in)
		})
	}
}

func stopEachProcess(t *testing.T, w *Worker, in isolation.Interpreter) {
	dir := runtimetest.Function(t, isolation.Python, pythonSource).Package
	call := func() Response {
		t.Helper()
		begin := time.Now()
		res, err := w.Invoke(context.Background(), Request{
			Runtime:    in.Runtime,
			Function:   isolation.Function{Name: "f", Handler: "index.handler", Package: dir, Version: "$LATEST"},
			Timeout:    time.Minute,
			Invocation: isolation.Invocation{ID: "id", Payload: []byte("{}")},
		})
		if err != nil || res.Outcome != isolation.OK {
			t.Fatalf("%s: outcome %q, %v, error %v, after %v", res.Path, res.Outcome, res.Error, err, time.Since(begin))
		}
		return res
	}
	for k, n := 0, 1; k < n; k++ {
		call()
		groups := idleProcesses(t, w)
		n = len(groups)
		for _, pid := range groups[k] {
			if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
				t.Fatal(err)
			}
		}
		for _, pid := range groups[k] {
			runtimetest.Eventually(t, fmt.Sprintf("process %d is stopped or gone", pid), func() bool {
				return proc.Stopped(pid, 0) || !alive(pid)
			})
		}
		idleForLong(w)
		if res := call(); res.Path == Hot {
			t.Errorf("process %d of %v was stopped, and its sandbox took a call", k, groups)
		}
	}
}

// idleProcesses are the processes of the only idle sandbox, to be stopped one group
// at a time. A UC's process cannot be told from a spare's: these are one group.
func idleProcesses(t *testing.T, w *Worker) (groups [][]int) {
	t.Helper()
	var all []isolation.Sandbox
	w.mu.Lock()
	w.eachWithoutCall(func(inst *instance) { all = append(all, inst.sb) })
	w.mu.Unlock()
	if len(all) != 1 {
		t.Fatalf("%d sandboxes are without a call", len(all))
	}
	host, ok := all[0].(isolation.HostProcess)
	if !ok {
		levels := processes(t)
		return levels[len(levels)-1:]
	}
	pids := proc.Descendants(host.PID())
	if k, ok := w.backend.(isolation.KernelOwner); ok && k.OwnsKernel() {
		pids = pids[:1] // below are those that the kernel runs guests in
	}
	for _, pid := range pids {
		groups = append(groups, []int{pid})
	}
	return groups
}
