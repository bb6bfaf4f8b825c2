package platform

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"github.com/lambdabench/lambdabench/runtime/isolation"
	"github.com/lambdabench/lambdabench/runtime/runtimetest"
	"github.com/lambdabench/lambdabench/runtime/unikernel"
)

// burstSize and burstLoad, in the environment, are how many functions
// TestBurstOfNewFunctions calls at once, and beside how many busy loops.
const (
	burstSize = "LAMBDABENCH_TEST_BURST"
	burstLoad = "LAMBDABENCH_TEST_BURST_LOAD"
)

func setting(t *testing.T, name string, otherwise int) int {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return n
}

// busy keeps so many tasks of the host ready to run until the test ends.
func busy(t *testing.T, loops int) {
	t.Helper()
	for range loops {
		cmd := exec.Command("/bin/sh", "-c", "while :; do :; done")
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { runtimetest.Kill(cmd) })
	}
}

// New functions are called all at once, with default settings and AWS's default
// time-out of 3 s, beside tasks that take the processors. The default size is what
// an ordinary test can afford.
func TestBurstOfNewFunctionsHasNoErrorOnALoadedHost(t *testing.T) {
	for _, backend := range []string{unikernel.Name, "process"} {
		t.Run(backend, func(t *testing.T) { burst(t, backend, setting(t, burstSize, 60), setting(t, burstLoad, 8)) })
	}
}

func burst(t *testing.T, backend string, size, loops int) {
	b, dir := openBackend(t, backend)
	in := runtimetest.Interpreter(t, isolation.NodeJS)
	r := serveOn(t, Config{}, b, dir)
	for i := range size {
		create(t, r.Client, in, fmt.Sprint("f", i), fmt.Sprintf("exports.handler = async () => %d", i), nil)
	}
	busy(t, loops)
	var mu sync.Mutex
	var wrong []string
	var all sync.WaitGroup
	begin := time.Now()
	for i := range size {
		all.Go(func() {
			out, err := r.Client.Invoke(t.Context(), &lambda.InvokeInput{FunctionName: aws.String(fmt.Sprint("f", i))})
			if err == nil && out.StatusCode == http.StatusOK && out.FunctionError == nil &&
				string(out.Payload) == strconv.Itoa(i) {
				return
			}
			said := fmt.Sprint(err)
			if out != nil {
				said = string(out.Payload)
			}
			mu.Lock()
			wrong = append(wrong, fmt.Sprintf("f%d after %v: %.300s", i, time.Since(begin), said))
			mu.Unlock()
		})
	}
	all.Wait()
	t.Logf("%d new functions at once beside %d busy loops: %v, %d errors", size, loops, time.Since(begin), len(wrong))
	if len(wrong) > 0 {
		t.Errorf("%d of %d failed: %s", len(wrong), size, strings.Join(wrong[:min(len(wrong), 8)], "\n"))
	}
}
