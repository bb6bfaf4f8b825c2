package platform

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/lambdabench/lambdabench/platform/lambdatest"
	"github.com/lambdabench/lambdabench/platform/worker"
	"github.com/lambdabench/lambdabench/runtime/isolation"
	"github.com/lambdabench/lambdabench/runtime/runtimetest"
)

// sources are the same function in each language.
var sources = map[isolation.Language]struct{ first, second, nop string }{
	isolation.NodeJS: {
		first: `exports.handler = async (event, context) => {
  console.log('asked by', event.who);
  if (event.fail) throw new TypeError(event.fail);
  const left = context.getRemainingTimeInMillis() > 1000;
  return {hello: event.who, name: context.functionName, left, env: process.env.WORD};
};`,
		second: `exports.handler = async () => 'second'`,
		nop:    `exports.handler = async () => null`,
	},
	isolation.Python: {
		first: `
def handler(event, context):
    import os
    print('asked by', event.get('who'))
    if event.get('fail'): raise TypeError(event['fail'])
    left = context.get_remaining_time_in_millis() > 1000
    return {'hello': event['who'], 'name': context.function_name, 'left': left, 'env': os.environ['WORD']}
`,
		second: `
def handler(event, context): return 'second'
`,
		nop: `
def handler(event, context): return None
`,
	},
}

// inEach runs a test for each language.
func inEach(t *testing.T, test func(t *testing.T, in isolation.Interpreter)) {
	for _, lang := range []isolation.Language{isolation.NodeJS, isolation.Python} {
		t.Run(string(lang), func(t *testing.T) { test(t, runtimetest.Interpreter(t, lang)) })
	}
}

func TestLifeOfAFunction(t *testing.T) {
	r := serve(t, Config{})
	inEach(t, func(t *testing.T, in isolation.Interpreter) {
		name, src := string(in.Language), sources[in.Language]
		create(t, r.Client, in, name, src.first, func(c *lambda.CreateFunctionInput) {
			c.Environment = &types.Environment{Variables: map[string]string{"WORD": "given"}}
		})
		out := invoke(t, r.Client, name, `{"who":"you"}`)
		for _, want := range []string{`"hello"`, `"you"`, `"` + name + `"`, `true`, `"given"`} {
			if out.FunctionError != nil || !strings.Contains(string(out.Payload), want) {
				t.Errorf("%s", out.Payload)
			}
		}
		log := logOf(t, out)
		for _, want := range []string{"START RequestId: ", "asked by you", "END RequestId: ", "REPORT RequestId: ",
			"Billed Duration: ", "Memory Size: 128 MB", "Max Memory Used: ", "Init Duration: "} {
			if !strings.Contains(log, want) {
				t.Errorf("no %q in %q", want, log)
			}
		}
		out = invoke(t, r.Client, name, `{"who":"you","fail":"not today"}`)
		if e := failure(t, out); e.Type != "TypeError" || e.Message != "not today" ||
			len(e.Trace)+len(e.StackTrace) == 0 {
			t.Errorf("%+v", e)
		}
		if log := logOf(t, out); strings.Contains(log, "Init Duration") {
			t.Errorf("a hot invocation has an init phase: %q", log)
		}
		if _, err := r.UpdateFunctionCode(t.Context(), &lambda.UpdateFunctionCodeInput{FunctionName: &name,
			ZipFile: lambdatest.Zip(t, runtimetest.FileName(in.Language), src.second)}); err != nil {
			t.Fatal(err)
		}
		if out := invoke(t, r.Client, name, `{}`); string(out.Payload) != `"second"` {
			t.Errorf("after the update: %s", out.Payload)
		}
		if _, err := r.DeleteFunction(t.Context(), &lambda.DeleteFunctionInput{FunctionName: &name}); err != nil {
			t.Fatal(err)
		}
		var none *types.ResourceNotFoundException
		if _, err := r.Client.Invoke(t.Context(), &lambda.InvokeInput{FunctionName: &name}); !errors.As(err, &none) {
			t.Errorf("after the delete: %v", err)
		}
	})
}

// bad is a function that does wrong, and what its invocation says.
type bad struct {
	node, python string
	handler      string
	memory       int32 // MB; 128 where it is 0
	seconds      int32 // time-out; 1 where it is 0
	types        []string
	says         string
}

var badFunctions = map[string]bad{
	"missing handler": {node: `exports.other = 1`, python: "other = 1\n", types: []string{isolation.TypeNoHandler},
		says: "handler"},
	"missing module": {node: `1`, python: "1\n", handler: "nowhere.handler", types: []string{isolation.TypeImport},
		says: "nowhere"},
	"syntax error": {node: `exports.handler = async ( => 1`, python: "def handler(:\n",
		types: []string{isolation.TypeSyntax}},
	"endless loop": {node: `exports.handler = () => { for (;;); }`,
		python: "def handler(e, c):\n  while True: pass\n", types: []string{isolation.TypeTimedOut},
		says: "Task timed out after 1.00 seconds"},
	"endless import": {node: `for (;;);`, python: "while True: pass\n", types: []string{isolation.TypeTimedOut},
		says: "timed out"},
	"fork bomb": {
		node: `const {spawn} = require('child_process');
const options = {detached: true, stdio: 'ignore'};
exports.handler = () => {
  for (;;) try { spawn('/bin/sleep', ['600', 'MARK'], options).on('error', () => {}) } catch {}
}`,
		python: `
import os, sys, time
def handler(e, c):
    while True:
        try:
            if os.fork() == 0: os.setsid()
        except OSError: time.sleep(0.01)
`,
		types: []string{isolation.TypeTimedOut, isolation.TypeOutOfMemory, isolation.TypeExit, isolation.TypeMalformed},
	},
	"memory hog": {
		node:    `exports.handler = () => { const all = []; for (;;) all.push(Buffer.alloc(8 << 20, 1)); }`,
		python:  "def handler(e, c):\n  a = []\n  while True: a.append(b'x' * (8 << 20))\n",
		seconds: 20, types: []string{isolation.TypeOutOfMemory, isolation.TypeExit, "MemoryError"},
	},
	"100 MB reply": {
		node:   `exports.handler = async () => 'x'.repeat(100 << 20)`,
		python: "def handler(e, c): return 'x' * (100 << 20)\n",
		memory: 2048, seconds: 20, types: []string{isolation.TypeTooLargeReply}, says: "6",
	},
	"no JSON": {node: `exports.handler = async () => 1n`, python: "def handler(e, c): return object()\n",
		types: []string{isolation.TypeMarshal}, says: "serializ"},
	"kills itself": {node: `exports.handler = () => { process.kill(process.pid, 'SIGKILL'); for (;;); }`,
		python: "import os\ndef handler(e, c): os.kill(os.getpid(), 9)\n", types: []string{isolation.TypeExit},
		says: "killed"},
	"leaves by itself": {node: `exports.handler = () => process.exit(3)`,
		python: "import os\ndef handler(e, c): os._exit(3)\n", types: []string{isolation.TypeExit}, says: "3"},
}

func TestBadFunctionsHarmNobody(t *testing.T) {
	r := serve(t, Config{Worker: worker.Config{ImportTimeout: 2 * time.Second}})
	inEach(t, func(t *testing.T, in isolation.Interpreter) {
		good := "good-" + string(in.Language)
		create(t, r.Client, in, good, sources[in.Language].nop, nil)
		for name, b := range badFunctions {
			t.Run(name, func(t *testing.T) {
				id := strings.ReplaceAll(name, " ", "-") + "-" + string(in.Language)
				callBad(t, r, in, id, b)
				if out := invoke(t, r.Client, good, "{}"); out.FunctionError != nil || string(out.Payload) != "null" {
					t.Errorf("a good function afterwards: %s", out.Payload)
				}
			})
		}
	})
	runtimetest.Eventually(t, "no process of a bad function is left", func() bool {
		return len(inDirectory(r.dir)) <= 2
	})
}

func callBad(t *testing.T, r *running, in isolation.Interpreter, id string, b bad) {
	t.Helper()
	source := b.node
	if in.Language == isolation.Python {
		source = b.python
	}
	create(t, r.Client, in, id, strings.ReplaceAll(source, "MARK", id), func(c *lambda.CreateFunctionInput) {
		c.Timeout, c.MemorySize = aws.Int32(max(b.seconds, 1)), aws.Int32(max(b.memory, 128))
		if b.handler != "" {
			c.Handler = &b.handler
		}
	})
	begin := time.Now()
	out := invoke(t, r.Client, id, "{}")
	e := failure(t, out)
	t.Logf("%v: %s: %.300s", time.Since(begin).Round(time.Millisecond), e.Type, e.Message)
	known := false
	for _, typ := range b.types {
		known = known || e.Type == typ
	}
	if !known || !strings.Contains(e.Message, b.says) {
		t.Errorf("%s: %.300s", e.Type, e.Message)
	}
	if log := logOf(t, out); !strings.Contains(log, "REPORT RequestId: ") {
		t.Errorf("log %q", log)
	}
	if _, err := r.DeleteFunction(context.Background(), &lambda.DeleteFunctionInput{FunctionName: &id}); err != nil {
		t.Error(err)
	}
}

// inDirectory are the processes of the sandboxes that a process backend keeps
// below a directory: they have its drivers mounted, or work there where the host
// permits no mount namespace.
func inDirectory(dir string) (pids []string) {
	processes, _ := filepath.Glob("/proc/[0-9]*")
	for _, process := range processes {
		mounts, _ := os.ReadFile(filepath.Join(process, "mountinfo")) // it may have ended
		cwd, _ := os.Readlink(filepath.Join(process, "cwd"))
		if strings.HasPrefix(cwd, dir+"/") || mountedBelow(string(mounts), dir) {
			pids = append(pids, filepath.Base(process))
		}
	}
	return pids
}

// mountedBelow reports whether mountinfo (proc(5)) has the drivers of a backend
// below dir. The fourth field is a path in its file system, which need not be
// mounted at /.
func mountedBelow(mountinfo, dir string) bool {
	for line := range strings.Lines(mountinfo) {
		f := strings.Fields(line)
		if len(f) > 4 && f[4] == "/var/runtime" {
			for tail := dir; strings.Count(tail, "/") > 1; tail = tail[1+strings.Index(tail[1:], "/"):] {
				if strings.HasPrefix(f[3], tail+"/") {
					return true
				}
			}
		}
	}
	return false
}

func TestClientThatGoesAwayLeavesNoInvocationBehind(t *testing.T) {
	r := serve(t, Config{})
	in := runtimetest.Interpreter(t, isolation.NodeJS)
	create(t, r.Client, in, "f", `exports.handler = (e) => new Promise((r) => setTimeout(() => r(e.sleep), e.sleep))`,
		func(c *lambda.CreateFunctionInput) {
			c.Timeout = aws.Int32(1)
		})
	invoke(t, r.Client, "f", `{"sleep":1}`)
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if _, err := r.Client.Invoke(ctx, &lambda.InvokeInput{FunctionName: aws.String("f"),
		Payload: []byte(`{"sleep":50000}`)}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v", err)
	}
	runtimetest.Eventually(t, "the invocation ends with its time-out", func() bool {
		return r.Dispatch.Stats().Running == 0
	})
	if out := invoke(t, r.Client, "f", `{"sleep":1}`); string(out.Payload) != "1" {
		t.Errorf("%s", out.Payload)
	}
}

func TestBurstOfOneFunctionIsServed(t *testing.T) {
	r := serve(t, Config{})
	inEach(t, func(t *testing.T, in isolation.Interpreter) {
		name := "burst-" + string(in.Language)
		create(t, r.Client, in, name, sources[in.Language].nop, nil)
		errs := make(chan error, 16)
		for range cap(errs) {
			go func() {
				out, err := r.Client.Invoke(t.Context(), &lambda.InvokeInput{FunctionName: &name})
				if err == nil && (out.FunctionError != nil || string(out.Payload) != "null") {
					err = fmt.Errorf("%s", out.Payload)
				}
				errs <- err
			}()
		}
		for range cap(errs) {
			if err := <-errs; err != nil {
				t.Error(err)
			}
		}
	})
}
