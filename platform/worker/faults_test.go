package worker

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/lambdabench/lambdabench/runtime/isolation"
	"github.com/lambdabench/lambdabench/runtime/runtimetest"
	"github.com/lambdabench/lambdabench/runtime/unikernel"
)

// processes are the living descendants of this process by how far below they are.
func processes(t *testing.T) (levels [][]int) {
	t.Helper()
	kids := map[int][]int{}
	dirs, err := os.ReadDir("/proc")
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range dirs {
		pid, err := strconv.Atoi(d.Name())
		if err != nil {
			continue
		}
		stat, err := os.ReadFile("/proc/" + d.Name() + "/stat")
		if err != nil {
			continue // it ended meanwhile
		}
		_, after, _ := strings.Cut(string(stat), ") ")
		var state string
		var parent int
		fmt.Sscan(after, &state, &parent)
		if state != "Z" {
			kids[parent] = append(kids[parent], pid)
		}
	}
	for at := []int{os.Getpid()}; len(at) > 0; {
		var next []int
		for _, pid := range at {
			next = append(next, kids[pid]...)
		}
		if len(next) > 0 {
			levels = append(levels, next)
		}
		at = next
	}
	return levels
}

func alive(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err == nil && !strings.Contains(string(stat), ") Z ")
}

// served is one call under load.
type served struct {
	begin, end time.Time
	res        Response
	err        error
}

func (s served) failed() bool { return s.err != nil || s.res.Outcome != isolation.OK }

func (s served) String() string {
	return fmt.Sprintf("%s: outcome %q, %v, error %v", s.res.Path, s.res.Outcome, s.res.Error, s.err)
}

// load is four clients that call known and new functions until stop.
type load struct {
	done atomic.Int64
	stop func() []served
}

func startLoad(w *Worker, in isolation.Interpreter, dir string) *load {
	l := &load{}
	var mu sync.Mutex
	var all []served
	var clients sync.WaitGroup
	var over atomic.Bool
	for client := range 4 {
		clients.Go(func() {
			for i := 0; !over.Load(); i++ {
				name := fmt.Sprintf("known-%d", i%3)
				if i%4 == 3 {
					name = fmt.Sprintf("new-%d-%d", client, i)
				}
				s := served{begin: time.Now()}
				s.res, s.err = w.Invoke(context.Background(), Request{
					Runtime: in.Runtime,
					Function: isolation.Function{Name: name, Handler: "index.handler", Package: dir,
						Version: "$LATEST"},
					Timeout:    30 * time.Second,
					Invocation: isolation.Invocation{ID: "id", Payload: []byte(`{"sleep":5}`)},
				})
				s.end = time.Now()
				mu.Lock()
				all = append(all, s)
				mu.Unlock()
				l.done.Add(1)
			}
		})
	}
	l.stop = func() []served {
		over.Store(true)
		clients.Wait()
		return all
	}
	return l
}

// more waits until so many further calls have ended.
func (l *load) more(t *testing.T, n int64) {
	t.Helper()
	want := l.done.Load() + n
	runtimetest.Eventually(t, fmt.Sprintf("%d further calls have ended", n), func() bool {
		return l.done.Load() >= want
	})
}

// One process of each kind is killed, and one stopped, while calls run. Calls that
// are under way when the process goes may fail with it; all others succeed, and the
// processes are there again within 10 s.
func TestProcessLostUnderLoadCostsNoOtherCall(t *testing.T) {
	backend := unikernel.New(unikernel.Config{})
	defer backend.Close()
	if err := backend.Probe(t.Context()); err != nil {
		t.Skip(err)
	}
	in := runtimetest.Interpreter(t, isolation.Python)
	dir := runtimetest.Function(t, isolation.Python, pythonSource).Package
	w, err := New(Config{}, backend, []isolation.Interpreter{in})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := w.Ready(ctx); err != nil {
		t.Fatal(err)
	}
	whole := helpers(t)
	for _, sig := range []syscall.Signal{syscall.SIGKILL, syscall.SIGSTOP} {
		for level, kind := range []string{"root", "image zygote", "zygote", "spare or UC"} {
			t.Run(fmt.Sprintf("%v of a %s", sig, kind), func(t *testing.T) { strike(t, w, in, dir, whole, level, sig) })
		}
	}
	for _, h := range w.Stats().Helpers {
		t.Logf("%s: lost %d, replaced %d", h.Kind, h.Lost, h.Replaced)
	}
}

// helpers is how many processes the tender has above the spares and UCs, which come
// and go: root, image zygotes, zygotes. The worker is at rest; a process that ends
// meanwhile, such as the sandbox that a snapshot was taken of, is waited for.
func helpers(t *testing.T) (counts [3]int) {
	t.Helper()
	same := 0
	runtimetest.Eventually(t, "no process comes or goes", func() bool {
		var now [3]int
		for level, pids := range processes(t) {
			if level < len(now) {
				now[level] = len(pids)
			}
		}
		if same++; now != counts {
			counts, same = now, 0
		}
		return same > 20
	})
	return counts
}

// has reports whether levels of processes have so many helpers, and others below.
func has(levels [][]int, helpers [3]int) bool {
	return len(levels) > len(helpers) &&
		len(levels[0]) == helpers[0] && len(levels[1]) == helpers[1] && len(levels[2]) == helpers[2]
}

func strike(
	t *testing.T, w *Worker, in isolation.Interpreter, dir string, helpers [3]int, level int, sig syscall.Signal,
) {
	l := startLoad(w, in, dir)
	l.more(t, 40)
	before := processes(t)
	at := time.Now()
	victims := before[level][:1]
	if err := syscall.Kill(victims[0], sig); err != nil {
		t.Fatal(err)
	}
	if level < 3 {
		for _, below := range before[level+1:] { // what a process forked ends with it; another zygote's do not
			for _, pid := range below {
				if under(pid, victims[0]) {
					victims = append(victims, pid)
				}
			}
		}
	}
	runtimetest.Eventually(t, "the process is gone, with those below it", func() bool {
		return !slices.ContainsFunc(victims, alive)
	})
	o := orphans{gone: time.Now()}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("health %v; processes by level %v, want %v of the first three", w.Health(context.Background()),
				processes(t), helpers)
		}
	})
	runtimetest.Eventually(t, "the worker is healthy, with its processes", func() bool {
		now := processes(t)
		o.look(now)
		return w.Health(t.Context()) == nil && has(now, helpers)
	})
	if whole := time.Since(at); whole > 10*time.Second {
		t.Errorf("whole after %v", whole)
	}
	l.more(t, 40)
	failures, longest := 0, time.Duration(0)
	for _, s := range l.stop() {
		longest = max(longest, s.end.Sub(s.begin))
		if !s.failed() {
			continue
		}
		failures++
		inFlight := s.begin.Before(o.gone) && s.end.After(at)
		if !inFlight || s.err != nil || s.res.Error == nil || !strings.Contains(s.res.Error.Message, "Runtime exited") {
			t.Errorf("began %v after the signal, ended %v after: %v", s.begin.Sub(at), s.end.Sub(at), s)
		}
	}
	t.Logf("%d processes went, %d calls with them; the longest call took %v", len(victims), failures, longest)
}

// orphans finds when the last process below a dead one ended. A process that was
// forked after the victims were listed is not among them: once its parent is dead,
// it is a child of the root (the init of its process namespace) until it ends too.
type orphans struct {
	children []int // of the root, at the last look
	gone     time.Time
}

func (o *orphans) look(levels [][]int) {
	var now []int
	if len(levels) > 1 {
		now = levels[1]
	}
	if slices.ContainsFunc(o.children, func(pid int) bool { return !slices.Contains(now, pid) }) {
		o.gone = time.Now()
	}
	o.children = now
}

// under reports whether a process descends from another.
func under(pid, ancestor int) bool {
	for pid > 1 {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil {
			return true // it ended meanwhile
		}
		_, after, _ := strings.Cut(string(stat), ") ")
		var state string
		fmt.Sscan(after, &state, &pid)
		if pid == ancestor {
			return true
		}
	}
	return false
}
