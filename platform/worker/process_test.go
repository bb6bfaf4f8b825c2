package worker

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/lambdabench/lambdabench/runtime/isolation"
	"github.com/lambdabench/lambdabench/runtime/process"
	"github.com/lambdabench/lambdabench/runtime/runtimetest"
)

// Sources of a function that does what its event says, and shows its process.
const (
	nodeSource = `
exports.handler = async (event) => {
  if (event.sleep) await new Promise((r) => setTimeout(r, event.sleep));
  if (event.exit) process.exit(1);
  if (event.throw) throw new TypeError(event.throw);
  return process.pid;
};`
	pythonSource = `
import os, time
def handler(event, context):
    if event.get('sleep'): time.sleep(event['sleep'] / 1000)
    if event.get('exit'): os._exit(1)
    if event.get('throw'): raise TypeError(event['throw'])
    return os.getpid()
`
)

// onProcess runs a test on real interpreters.
func onProcess(t *testing.T, cfg Config, test func(t *testing.T, w *Worker, call func(name, event string) Response)) {
	for _, lang := range []isolation.Language{isolation.NodeJS, isolation.Python} {
		t.Run(string(lang), func(t *testing.T) {
			in := runtimetest.Interpreter(t, lang)
			backend := process.New(process.Config{})
			defer backend.Close()
			w, err := New(cfg, backend, []isolation.Interpreter{in})
			if err != nil {
				t.Fatal(err)
			}
			defer func() {
				if err := w.Close(); err != nil {
					t.Error(err)
				}
			}()
			source := nodeSource
			if lang == isolation.Python {
				source = pythonSource
			}
			dir := runtimetest.Function(t, lang, source).Package
			test(t, w, func(name, event string) Response {
				res, err := w.Invoke(context.Background(), Request{
					Runtime: in.Runtime,
					Function: isolation.Function{Name: name, Handler: "index.handler", Package: dir,
						Version: "$LATEST"},
					Timeout:    2 * time.Second,
					Invocation: isolation.Invocation{ID: "id", Payload: []byte(event)},
				})
				if err != nil {
					t.Fatal(err)
				}
				return res
			})
		})
	}
}

func TestProcessPaths(t *testing.T) {
	onProcess(t, Config{StemCells: 1}, func(t *testing.T, w *Worker, call func(string, string) Response) {
		ready(t, w)
		cold, hot := call("a", `{}`), call("a", `{}`)
		if cold.Path != Cold || hot.Path != Hot || string(cold.Payload) != string(hot.Payload) {
			t.Errorf("%s in process %s, then %s in %s", cold.Path, cold.Payload, hot.Path, hot.Payload)
		}
		if cold.Stages.Import == 0 || cold.Stages.Boot != 0 || hot.Stages.Import != 0 {
			t.Errorf("%+v, %+v", cold.Stages, hot.Stages)
		}
		t.Logf("cold %+v, hot %+v", cold.Stages, hot.Stages)
	})
	onProcess(t, Config{}, func(t *testing.T, w *Worker, call func(string, string) Response) {
		boot := call("a", `{}`)
		if boot.Path != Boot || boot.Stages.Boot == 0 {
			t.Errorf("%s, %+v", boot.Path, boot.Stages)
		}
		t.Logf("boot %+v", boot.Stages)
	})
}

func TestProcessOutcomes(t *testing.T) {
	onProcess(t, Config{}, func(t *testing.T, w *Worker, call func(string, string) Response) {
		for _, step := range []struct {
			event   string
			path    Path
			outcome isolation.Outcome
			typ     string
		}{
			{`{}`, Boot, isolation.OK, ""},
			{`{"throw": "no"}`, Hot, isolation.Failed, "TypeError"},
			{`{"sleep": 60000}`, Hot, isolation.TimedOut, isolation.TypeTimedOut},
			{`{"exit": true}`, Boot, isolation.Crashed, isolation.TypeExit},
			{`{}`, Boot, isolation.OK, ""},
		} {
			res := call("a", step.event)
			if res.Path != step.path || res.Outcome != step.outcome ||
				(res.Error != nil && res.Error.Type != step.typ) || (res.Error == nil) != (step.typ == "") {
				t.Errorf("%s: %s, %s, %v", step.event, res.Path, res.Outcome, res.Error)
			}
			if res.Outcome == isolation.TimedOut && (res.Stages.Run < 2*time.Second ||
				res.Stages.Run > 20*time.Second || !strings.HasSuffix(res.Error.Message,
				"Task timed out after 2.00 seconds")) {
				t.Errorf("%v, %q", res.Stages.Run, res.Error.Message)
			}
		}
	})
}

func TestProcessKilledWhileIdleIsReplaced(t *testing.T) {
	onProcess(t, Config{}, func(t *testing.T, w *Worker, call func(string, string) Response) {
		call("a", `{}`)
		w.mu.Lock()
		sb := w.idle.first().sb
		w.mu.Unlock()
		if err := syscall.Kill(sb.(isolation.HostProcess).PID(), syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		<-sb.(isolation.Ender).Done()
		if res := call("a", `{}`); res.Path != Boot || res.Outcome != isolation.OK {
			t.Errorf("%s, %s, %v", res.Path, res.Outcome, res.Error)
		}
	})
}

func TestProcessBurstStaysUnderTheCap(t *testing.T) {
	onProcess(t, Config{Sandboxes: 3, Closing: 2}, func(t *testing.T, w *Worker, call func(string, string) Response) {
		var all sync.WaitGroup
		for i := range 12 {
			all.Go(func() {
				if res := call(fmt.Sprint("f", i%5), `{"sleep": 20}`); res.Outcome != isolation.OK {
					t.Errorf("%s: %v", res.Outcome, res.Error)
				}
			})
		}
		all.Wait()
		if s := w.Stats(); s.Idle > 3 || s.Busy+s.Starting+s.Waiting != 0 {
			t.Errorf("%+v", s)
		}
	})
}

func TestProcessMemoryIsSampled(t *testing.T) {
	onProcess(t, Config{}, func(t *testing.T, w *Worker, call func(string, string) Response) {
		runtimetest.Eventually(t, "sample", func() bool { return call("a", `{}`).MemoryBytes > 1<<20 })
		t.Logf("%v", Bytes(w.Stats().IdleBytes))
	})
}
