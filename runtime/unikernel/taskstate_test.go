package unikernel

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/lambdabench/lambdabench/runtime/isolation"
	"github.com/lambdabench/lambdabench/runtime/runtimetest"
)

// A function that spoils its task in the way that the event names, once its
// reply is out, and answers at once; or, for no way, looks for traces.
const spoiler = `
import ctypes, threading, time
lib = ctypes.CDLL('/var/task/taskstate.so')
def later(way):
    time.sleep(0.02)
    lib.spoil(way)
def handler(event, context):
    if event == 0:
        return lib.look()
    threading.Thread(target=later, args=(event,), daemon=True).start()
    return 0
`

// spoilerFunction is the function with its library.
func spoilerFunction(t *testing.T) isolation.Function {
	fn := function(t, isolation.Python, spoiler)
	compile(t, filepath.Join(fn.Package, "taskstate.so"), "-shared", "-fPIC", "-nostdlib", "-mfsgsbase",
		"csrc/guests/lib/taskstate.c")
	return fn
}

// What a UC may change of its task in the kernel, by the calls that its filter
// allows and by instructions of the processor. Everything else of a task
// (seccomp(2), prctl(2), setitimer(2), sigaction(2), set_robust_list(2), rseq(2),
// personality(2), prlimit(2), descriptors, mappings outside of its region) needs a
// call that the filter ends the process for; TestHostileGuestsDie and
// TestFilterAllowsTheListAlone hold that.
var spoilings = []struct {
	name string
	way  int
	end  end
}{
	{"nothing", 1 << 20, reused},
	{"signal stack", 1, reused},
	{"signal stack that disarms itself", 2, reused},
	{"signal mask and a pending signal", 4, reused},
	{"flags", 8, reused},
	{"number units and a vector register", 16, reused},
	{"segments", 32, reused},
	{"trap flag", 64, reused},
	{"trap flag and signal mask", 4 | 64, ended},
	{"trap flag and signal stack", 1 | 64, ended},
	{"signal stack, mask and flags", 1 | 4 | 8, reused},
	{"flags, number units and segments", 8 | 16 | 32, reused},
	{"mapping", 128, refused},
	{"protection keys", protectionKeys, ended},
}

const protectionKeys = 256

// end is what becomes of a process whose task was spoiled.
type end int

const (
	reused  end = iota // it serves its account again, and nothing shows
	ended              // it ends at its next message, before anything of a function runs
	refused            // it is not reset
)

// sleepsAtRest waits for a UC to wait for its next call.
func sleepsAtRest(t *testing.T, pid int) {
	t.Helper()
	runtimetest.Eventually(t, "the UC to sleep", func() bool {
		call, err := os.ReadFile(fmt.Sprintf("/proc/%d/syscall", pid))
		if err != nil {
			t.Skip(err)
		}
		return strings.HasPrefix(string(call), "45 0x3 ")
	})
}

func taskStatus(t *testing.T, pid int) map[string]string {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for line := range strings.Lines(string(text)) {
		name, value, _ := strings.Cut(line, ":")
		all[name] = strings.TrimSpace(value)
	}
	return all
}

func TestNothingThatAGuestSetInItsTaskOutlivesAReset(t *testing.T) {
	b, base := onlyOne(t, isolation.Python)
	n := base.holders()[0]
	fn := spoilerFunction(t)
	for _, c := range spoilings {
		t.Run(c.name, func(t *testing.T) {
			if flags, err := cpuFeatures(); c.way == protectionKeys &&
				(err != nil || !slices.Contains(flags, "ospke")) {
				t.Skip("this processor has no protection keys (ospke in /proc/cpuinfo)")
			}
			emptyPool(n)
			sb := deployed(t, b, base).(*sandbox)
			if err := sb.Import(t.Context(), fn); err != nil {
				t.Fatal(err)
			}
			pid := processOf(t, sb)
			emptyPool(n)
			if res := runtimetest.Invoke(t, sb, fmt.Sprint(c.way)); res.Outcome != isolation.OK {
				t.Fatalf("%+v", res)
			}
			sleepsAtRest(t, pid)
			sb.Close()
			if kept := n.Spares() == 1; kept != (c.end != refused) {
				t.Fatalf("reset: %v, want %v", kept, c.end != refused)
			}
			next := deployed(t, b, base).(*sandbox)
			defer next.Close()
			if got := processOf(t, next); (got == pid) != (c.end != refused) {
				t.Fatalf("the next function runs in process %d, the spoiled one was %d", got, pid)
			}
			err := next.Import(t.Context(), fn)
			if c.end == ended {
				if err == nil {
					t.Error("the process still runs")
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			for range 2 { // what a first trap does not show
				if res := runtimetest.Invoke(t, next, "0"); string(res.Payload) != "0" {
					t.Errorf("the next function sees %s of it (bits of csrc/guests/lib/taskstate.c), %v", res.Payload,
						res.Error)
				}
			}
			if status := taskStatus(t, processOf(t, next)); strings.Trim(status["SigBlk"], "0") != "" {
				t.Errorf("the next function runs with signals %s blocked", status["SigBlk"])
			}
		})
	}
}
