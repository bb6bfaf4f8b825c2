package unikernel

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/lambdabench/lambdabench/runtime/isolation"
	"github.com/lambdabench/lambdabench/runtime/runtimetest"
)

// descendants lists the host's processes whose parent chain begins at pid.
func descendants(pid int) []int {
	kids := children()
	var all []int
	for next := []int{pid}; len(next) > 0; next = next[1:] {
		all = append(all, kids[next[0]]...)
		next = append(next, kids[next[0]]...)
	}
	return all
}

// platformEnv makes the test binary a platform that the test kills.
const platformEnv = "UNIKERNEL_TEST_PLATFORM"

func TestMain(m *testing.M) {
	if lang := os.Getenv(platformEnv); lang != "" {
		platform(isolation.Language(lang))
	}
	os.Exit(m.Run())
}

// platform deploys some UCs, one of which spins under a CPU limit, says so and
// waits for its end.
func platform(lang isolation.Language) {
	fail := func(err error) {
		if err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
	}
	ctx := context.Background()
	in, err := isolation.FindInterpreter(ctx, string(lang))
	fail(err)
	b := New(Config{})
	sb, err := b.Boot(ctx, isolation.BootSpec{Interpreter: in})
	fail(err)
	base, err := b.Capture(ctx, sb)
	fail(err)
	dir, err := os.MkdirTemp("", "uc-platform-")
	fail(err)
	fail(os.WriteFile(dir+"/index.js", []byte("exports.handler = () => { console.log(1); for (;;); };\n"), 0o644))
	for i := range 8 {
		uc, err := b.Deploy(ctx, base, isolation.DeploySpec{})
		fail(err)
		if i == 0 {
			fail(uc.Import(ctx, isolation.Function{Name: "spin", Handler: "index.handler", Package: dir,
				Limits: isolation.Limits{CPUs: 0.3}}))
			go uc.Invoke(ctx, isolation.Invocation{ID: "1", Payload: []byte("{}"), Deadline: time.Now().Add(time.Hour)})
			for begun := []byte(nil); len(begun) == 0; time.Sleep(time.Millisecond) {
				begun, _ = uc.(isolation.Printer).Printed()
			}
		}
	}
	os.RemoveAll(dir)
	fmt.Println("up")
	select {}
}

// startPlatform returns when it is up.
func startPlatform(t *testing.T, lang isolation.Language) *exec.Cmd {
	t.Helper()
	runtimetest.Interpreter(t, lang)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), platformEnv+"="+string(lang))
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill() })
	word := make([]byte, 256)
	n, _ := out.Read(word)
	if string(bytes.TrimSpace(word[:n])) != "up" {
		t.Fatalf("the platform did not come up: %s", word[:n])
	}
	return cmd
}

func TestKilledPlatformTakesEverythingWithIt(t *testing.T) {
	newBackend(t, Config{})
	cmd := startPlatform(t, isolation.NodeJS)
	before := descendants(cmd.Process.Pid)
	if len(before) < 10 {
		t.Fatalf("only %d processes are up", len(before))
	}
	cmd.Process.Kill()
	cmd.Wait()
	runtimetest.Eventually(t, "no process is left", func() bool {
		for _, p := range before {
			if stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p)); err == nil &&
				!strings.Contains(string(stat), ") Z ") {
				return false
			}
		}
		return true
	})
}

// withNeighbour returns a UC with a function, and another of the same snapshot beside it.
func withNeighbour(t *testing.T, source string) (b *Backend, sb, neighbour isolation.Sandbox) {
	b = newBackend(t, Config{})
	base := baseSnapshot(t, b, isolation.NodeJS, nil)
	load := func(source string) isolation.Sandbox {
		sb := deployed(t, b, base)
		t.Cleanup(func() { sb.Close() })
		if err := sb.Import(t.Context(), function(t, isolation.NodeJS, source)); err != nil {
			t.Fatal(err)
		}
		return sb
	}
	return b, load(source), load(nopSource[isolation.NodeJS])
}

func TestCrashIsToldAndStaysAlone(t *testing.T) {
	for name, c := range map[string]struct {
		source  string
		outcome isolation.Outcome
	}{
		"abort": {"exports.handler = () => process.abort();", isolation.Crashed},
		"garbage": {"exports.handler = () => { require('fs').writeSync(3, Buffer.alloc(64, 255)); };",
			isolation.Malformed},
		"spins": {"exports.handler = () => { for (;;); };", isolation.TimedOut},
		"eats memory": {"exports.handler = () => { const a = []; for (;;) a.push(Buffer.alloc(1 << 20, 1)); };",
			isolation.OutOfMemory},
		"eats JS heap": {"exports.handler = () => { const a = []; for (;;) a.push({ a: [1, 2, 3] }); };",
			isolation.OutOfMemory},
	} {
		t.Run(name, func(t *testing.T) {
			_, sb, neighbour := withNeighbour(t, c.source)
			live := sb.(*sandbox)
			if err := live.limit(t.Context(), live.live, isolation.Limits{MemoryBytes: 256 << 20}); err != nil {
				t.Fatal(err)
			}
			deadline := time.Now().Add(time.Minute)
			if c.outcome == isolation.TimedOut {
				deadline = time.Now().Add(2 * time.Second)
			}
			res, err := sb.Invoke(t.Context(), isolation.Invocation{ID: "r", Payload: []byte("{}"), Deadline: deadline})
			if err != nil || res.Outcome != c.outcome {
				t.Errorf("%s %v %v, want %s; logs %s", res.Outcome, res.Error, err, c.outcome, res.Logs)
			}
			if res := runtimetest.Invoke(t, neighbour, "1"); res.Outcome != isolation.OK {
				t.Errorf("the neighbour says %+v", res)
			}
		})
	}
}

func TestUCKilledFromOutside(t *testing.T) {
	_, sb, neighbour := withNeighbour(t,
		"exports.handler = () => { console.log(1); return new Promise(() => setTimeout(() => {}, 1e8)); };")
	done := make(chan isolation.Result, 1)
	go func() {
		res, _ := sb.Invoke(context.Background(), isolation.Invocation{ID: "r", Payload: []byte("{}"),
			Deadline: time.Now().Add(20 * time.Second)})
		done <- res
	}()
	runtimetest.Eventually(t, "the call is under way", func() bool {
		begun, _ := sb.(isolation.Printer).Printed()
		return len(begun) > 0
	})
	sb.(*sandbox).live.uc.Kill()
	if res := <-done; res.Outcome != isolation.Crashed || !strings.Contains(res.Error.Message, "killed") {
		t.Errorf("%+v %v", res, res.Error)
	}
	runtimetest.Invoke(t, neighbour, "1")
}

// The sources of randomness of both languages, and what must differ besides.
var randomSources = map[isolation.Language]string{
	isolation.NodeJS: `const c = require('crypto');
exports.handler = async () => ({ bytes: c.randomBytes(8).toString('hex'), uuid: c.randomUUID(),
  math: Math.random(), int: c.randomInt(2**47),
  pid: process.pid, now: Date.now(), up: performance.timeOrigin + performance.now() });`,
	isolation.Python: `import os, random, uuid, secrets, time
def handler(event, context):
    return {"urandom": os.urandom(8).hex(), "random": random.random(), "uuid4": str(uuid.uuid4()),
        "uuid1": str(uuid.uuid1()),
            "secrets": secrets.token_hex(8), "pid": os.getpid(), "now": time.time() * 1000}`,
}

func TestThousandClonesDiffer(t *testing.T) {
	clones := 1000
	if testing.Short() {
		clones = 50
	}
	for lang, source := range randomSources {
		t.Run(string(lang), func(t *testing.T) {
			b := newBackend(t, Config{})
			snap := functionSnapshot(t, b, baseSnapshot(t, b, lang, steps), function(t, lang, source))
			seen := map[string]int{}
			for i := range clones {
				sb := deployed(t, b, snap)
				res := runtimetest.Invoke(t, sb, "{}")
				now := time.Now()
				exit := sb.(*sandbox).live.channel.Exit() // says where a clone that died was, and at which address
				sb.Close()
				var got map[string]any
				if err := json.Unmarshal(res.Payload, &got); err != nil {
					t.Fatalf("clone %d: %+v %v, exit note %+v", i, res, res.Error, exit)
				}
				for what, v := range got {
					if what == "now" || what == "up" {
						if off := float64(now.UnixMilli()) - v.(float64); what == "now" &&
							(off < -1000 || off > 10000) {
							t.Fatalf("clone %d is %v ms off", i, off)
						}
						continue
					}
					key := fmt.Sprint(what, " ", v)
					if first, twice := seen[key]; twice {
						t.Fatalf("clones %d and %d both have %s", first, i, key)
					}
					seen[key] = i
				}
			}
		})
	}
}

// Go ends threads when it likes; a tender must not end with the one that
// happened to start it.
func TestTenderOutlivesTheThreadThatStartedIt(t *testing.T) {
	b := newBackend(t, Config{})
	spec := isolation.BootSpec{Interpreter: runtimetest.Interpreter(t, isolation.Python)}
	boot := func() error {
		sb, err := b.Boot(t.Context(), spec)
		if err != nil {
			return err
		}
		return sb.Close()
	}
	first, thread := make(chan error), 0
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
		thread = unix.Gettid()
		first <- boot()
	}()
	if err := <-first; err != nil {
		t.Fatal(err)
	}
	runtimetest.Eventually(t, "the thread ends", func() bool {
		_, err := os.Stat(fmt.Sprint("/proc/self/task/", thread))
		return errors.Is(err, fs.ErrNotExist)
	})
	if err := boot(); err != nil {
		t.Fatal(err)
	}
}
