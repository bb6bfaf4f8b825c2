package platform

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"github.com/lambdabench/lambdabench/platform/lambdatest"
	"github.com/lambdabench/lambdabench/runtime/cgroup"
	"github.com/lambdabench/lambdabench/runtime/isolation"
	"github.com/lambdabench/lambdabench/runtime/process"
	"github.com/lambdabench/lambdabench/runtime/runtimetest"
	"github.com/lambdabench/lambdabench/runtime/unikernel"
)

// limitedGroup makes a control group with limits, in whichever version's tree this
// process may, and returns its directory.
func limitedGroup(t *testing.T, controller string, l isolation.Limits) (dir string) {
	t.Helper()
	parent, err := cgroup.New(cgroup.OwnedName("lambdabench-test-"), controller)
	if !parent.Has(controller) {
		t.Skipf("no %s cgroup can be made here: %v", controller, err)
	}
	t.Cleanup(func() { // with the groups that a killed platform left in it
		if err := parent.Remove(); err != nil {
			t.Error(err)
		}
	})
	g := parent.Child("platform")
	if err := errors.Join(g.Make(), g.Limit(l)); err != nil {
		t.Fatal(err)
	}
	return g.Dirs()[0]
}

// inGroup is a platform with default settings in a group of its own.
func inGroup(t *testing.T, backend, group string) *lambda.Client {
	t.Helper()
	dir := dataDir(t)
	if err := os.Mkdir(filepath.Join(dir, "backend"), 0o755); err != nil {
		t.Fatal(err)
	}
	url, cmd := victimAt(t, dir, serverBackend+"="+backend, serverGroup+"="+group)
	t.Cleanup(func() {
		runtimetest.Kill(cmd)
		runtimetest.Eventually(t, "no process is left in the group", func() bool {
			text, err := os.ReadFile(filepath.Join(group, "cgroup.procs"))
			return err == nil && len(text) == 0
		})
	})
	return lambdatest.Client(t, url)
}

// openBackend is closed by the platform that it is for.
func openBackend(t *testing.T, name string) (b isolation.Backend, dir string) {
	t.Helper()
	dir = dataDir(t)
	if name == unikernel.Name {
		b = unikernel.New(unikernel.Config{})
	} else {
		b = process.New(process.Config{Dir: dir})
	}
	if err := b.Probe(t.Context()); err != nil {
		b.Close()
		t.Skip(err)
	}
	return b, dir
}

// callMany calls functions in turn, some at a time, and returns what went wrong.
func callMany(t *testing.T, c *lambda.Client, functions, calls, atATime int) (wrong []string) {
	var mu sync.Mutex
	var all sync.WaitGroup
	next := make(chan int)
	for range atATime {
		all.Go(func() {
			for i := range next {
				out, err := c.Invoke(t.Context(), &lambda.InvokeInput{FunctionName: aws.String(fmt.Sprint("f",
					i%functions)), Payload: []byte(strconv.Itoa(i))})
				if err == nil && out.StatusCode == http.StatusOK && out.FunctionError == nil &&
					string(out.Payload) == strconv.Itoa(i) {
					continue
				}
				mu.Lock()
				if out != nil {
					wrong = append(wrong, fmt.Sprintf("call %d: %.300s", i, out.Payload))
				} else {
					wrong = append(wrong, fmt.Sprintf("call %d: %v", i, err))
				}
				mu.Unlock()
			}
		})
	}
	for i := range calls {
		next <- i
	}
	close(next)
	all.Wait()
	return wrong
}

// The bounds of what a platform keeps and runs come from its control group where
// that has less than the host: sandboxes that are idle give way.
func TestPlatformLivesWithinItsControlGroup(t *testing.T) {
	for _, backend := range []string{"process", unikernel.Name} {
		t.Run(backend+"/memory", func(t *testing.T) {
			group := limitedGroup(t, cgroup.Memory, isolation.Limits{MemoryBytes: 512 << 20})
			liveWithin(t, backend, group, 400)
		})
		for _, pids := range []int{60, 120, 250} {
			t.Run(fmt.Sprintf("%s/%d processes", backend, pids), func(t *testing.T) {
				liveWithin(t, backend, limitedGroup(t, cgroup.PIDs, isolation.Limits{Processes: pids}), 200)
			})
		}
	}
}

func liveWithin(t *testing.T, backend, group string, calls int) {
	b, _ := openBackend(t, backend) // skips where it is of no use
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	in := runtimetest.Interpreter(t, isolation.NodeJS)
	c := inGroup(t, backend, group)
	const functions = 60
	for i := range functions {
		create(t, c, in, fmt.Sprint("f", i), "exports.handler = async (event) => event",
			func(f *lambda.CreateFunctionInput) {
				f.Timeout = aws.Int32(60)
			})
	}
	begin := time.Now()
	wrong := callMany(t, c, functions, calls, 32)
	t.Logf("%d calls in %v, %d failed", calls, time.Since(begin), len(wrong))
	if len(wrong) > 0 {
		t.Errorf("%d of %d failed: %s", len(wrong), calls, strings.Join(wrong[:min(len(wrong), 5)], "\n"))
	}
}

// A function within its own limit is not told that it met it when the group above
// has no memory left.
func TestKillForWantOfMemoryAboveIsNotTheFunctionsLimit(t *testing.T) {
	group := limitedGroup(t, cgroup.Memory, isolation.Limits{MemoryBytes: 512 << 20})
	b, _ := openBackend(t, "process")
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	c := inGroup(t, "process", group)
	create(t, c, runtimetest.Interpreter(t, isolation.Python), "f",
		"def handler(event, context): return len(b'x' * (event << 20))",
		func(f *lambda.CreateFunctionInput) { f.Timeout, f.MemorySize = aws.Int32(60), aws.Int32(2048) })
	out, err := c.Invoke(t.Context(), &lambda.InvokeInput{FunctionName: aws.String("f"), Payload: []byte("900")})
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(out.Payload), "control group above") ||
		strings.Contains(string(out.Payload), "memory limit") {
		t.Errorf("%s", out.Payload)
	}
}
