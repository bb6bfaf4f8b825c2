package platform

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/lambdabench/lambdabench/platform/lambdatest"
	"github.com/lambdabench/lambdabench/runtime/cgroup"
	"github.com/lambdabench/lambdabench/runtime/isolation"
	"github.com/lambdabench/lambdabench/runtime/process"
	"github.com/lambdabench/lambdabench/runtime/runtimetest"
	"github.com/lambdabench/lambdabench/runtime/unikernel"
)

// serverDir, in the environment, makes the test binary a platform that serves
// from there until it is killed.
const serverDir = "LAMBDABENCH_TEST_SERVER_DIR"

// serverBackend, in the environment, is the platform's backend: process by
// default, or unikernel. serverGroup is a control group that it enters first.
const (
	serverBackend = "LAMBDABENCH_TEST_SERVER_BACKEND"
	serverGroup   = "LAMBDABENCH_TEST_SERVER_GROUP"
)

func playServer(dir string) {
	if group := os.Getenv(serverGroup); group != "" {
		if err := cgroup.Enter(group, os.Getpid()); err != nil {
			fmt.Println("error", err)
			return
		}
	}
	var backend isolation.Backend = process.New(process.Config{Dir: filepath.Join(dir, "backend")})
	if os.Getenv(serverBackend) == unikernel.Name {
		backend = unikernel.New(unikernel.Config{})
	}
	p, err := Open(Config{Data: filepath.Join(dir, "data")}, backend, runtimetest.Interpreters(), nil)
	if err != nil {
		fmt.Println("error", err)
		return
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Println("error", err)
		return
	}
	fmt.Println("http://" + l.Addr().String())
	p.Serve(context.Background(), l)
}

// victim is a platform in a process of its own.
func victim(t *testing.T, dir string) (*lambda.Client, *exec.Cmd) {
	t.Helper()
	url, cmd := victimAt(t, dir)
	return lambdatest.Client(t, url), cmd
}

func victimAt(t *testing.T, dir string, env ...string) (url string, cmd *exec.Cmd) {
	t.Helper()
	cmd = exec.Command(os.Args[0])
	cmd.Env = append(append(os.Environ(), serverDir+"="+dir), env...)
	cmd.Stderr = os.Stderr
	url = runtimetest.Child(t, cmd)
	if !strings.HasPrefix(url, "http://") {
		t.Fatalf("the server says %q", url)
	}
	return url, cmd
}

// load creates functions and invokes them until the platform is gone. It
// returns what was acknowledged.
func load(t *testing.T, c *lambda.Client, in isolation.Interpreter, enough func(n int)) map[string]string {
	var mu sync.Mutex
	acknowledged := map[string]string{}
	var all sync.WaitGroup
	for worker := range 4 {
		all.Go(func() {
			for i := 0; ; i++ {
				name := fmt.Sprintf("w%d-%d", worker, i)
				_, err := c.CreateFunction(context.Background(), &lambda.CreateFunctionInput{
					FunctionName: &name, Runtime: types.Runtime(in.Runtime), Handler: aws.String("index.handler"),
					Role: aws.String("arn:aws:iam::000000000000:role/any"),
					Code: &types.FunctionCode{ZipFile: lambdatest.Zip(t, "index.js",
						"exports.handler = async () => '"+name+"'")},
				})
				if err != nil {
					return
				}
				mu.Lock()
				acknowledged[name] = `"` + name + `"`
				n := len(acknowledged)
				mu.Unlock()
				enough(n)
				if i%3 == 0 {
					c.Invoke(context.Background(), &lambda.InvokeInput{FunctionName: &name})
				}
			}
		})
	}
	all.Wait()
	return acknowledged
}

func TestNothingAcknowledgedIsLostWhenThePlatformIsKilled(t *testing.T) {
	in := runtimetest.Interpreter(t, isolation.NodeJS)
	dir := dataDir(t)
	if err := os.Mkdir(filepath.Join(dir, "backend"), 0o755); err != nil {
		t.Fatal(err)
	}
	backendDir := filepath.Join(dir, "backend")
	acknowledged := map[string]string{}
	for round := range 2 {
		c, cmd := victim(t, dir)
		for name, want := range acknowledged {
			if _, err := c.DeleteFunction(t.Context(), &lambda.DeleteFunctionInput{FunctionName: &name}); err != nil {
				t.Fatalf("%s, wanted %s: %v", name, want, err)
			}
		}
		var once sync.Once
		acknowledged = load(t, c, in, func(n int) {
			sandboxes := len(inDirectory(backendDir))
			if n >= 24+round && sandboxes > 0 || n > 500 { // a busy machine takes a while to boot one
				once.Do(func() {
					if sandboxes == 0 {
						t.Error("no sandbox runs")
					}
					if err := cmd.Process.Signal(syscall.SIGKILL); err != nil {
						t.Error(err)
					}
				})
			}
		})
		cmd.Wait()
		if len(acknowledged) < 24 {
			t.Fatalf("only %d functions were made", len(acknowledged))
		}
		runtimetest.Eventually(t, "no process of the killed platform is left", func() bool {
			return len(inDirectory(backendDir)) == 0
		})
	}
	leftBefore, _ := filepath.Glob(filepath.Join(backendDir, "*"))
	c, cmd := victim(t, dir)
	for name, want := range acknowledged {
		out, err := c.Invoke(t.Context(), &lambda.InvokeInput{FunctionName: &name})
		if err != nil || out.FunctionError != nil || string(out.Payload) != want {
			t.Errorf("%s: %+v, %v", name, out, err)
		}
	}
	left, _ := filepath.Glob(filepath.Join(backendDir, "*"))
	if len(leftBefore) == 0 || len(left) != 1 || left[0] == leftBefore[0] {
		t.Errorf("backend directories before the restart %v, after %v", leftBefore, left)
	}
	if temp, err := os.ReadDir(filepath.Join(dir, "data", "temp")); err != nil || len(temp) > 0 {
		t.Errorf("left of half a create: %v, %v", temp, err)
	}
	t.Logf("%d functions acknowledged before the kill, all served after it", len(acknowledged))
	cmd.Process.Kill()
	cmd.Wait()
	runtimetest.Eventually(t, "no process is left", func() bool { return len(inDirectory(backendDir)) == 0 })
	backend := process.New(process.Config{Dir: backendDir})
	defer backend.Close()
	if err := backend.Probe(t.Context()); err != nil { // removes what the last one left
		t.Error(err)
	}
	runtimetest.Eventually(t, "directories are gone", func() bool {
		l, _ := filepath.Glob(filepath.Join(backendDir, "*"))
		return len(l) <= 1
	})
}

func TestServeLetsWhatRunsFinish(t *testing.T) {
	r := serve(t, Config{})
	in := runtimetest.Interpreter(t, isolation.NodeJS)
	create(t, r.Client, in, "slow", `exports.handler = () => new Promise((r) => setTimeout(() => r('done'), 700))`, nil)
	got := make(chan string, 1)
	go func() {
		out, err := r.Client.Invoke(context.Background(), &lambda.InvokeInput{FunctionName: aws.String("slow")})
		if err != nil {
			got <- err.Error()
			return
		}
		got <- string(out.Payload)
	}()
	runtimetest.Eventually(t, "it runs", func() bool { return r.Worker.Stats().Busy == 1 })
	if err := r.stop(); err != nil {
		t.Error(err)
	}
	if s := <-got; s != `"done"` {
		t.Errorf("%s", s)
	}
	if _, err := r.Client.ListFunctions(context.Background(), &lambda.ListFunctionsInput{}); err == nil {
		t.Error("it still listens")
	}
}

func TestServeCutsShortWhatOutlivesTheGrace(t *testing.T) {
	r := serve(t, Config{Grace: 200 * time.Millisecond})
	in := runtimetest.Interpreter(t, isolation.NodeJS)
	create(t, r.Client, in, "slow", `exports.handler = () => new Promise(() => setInterval(() => {}, 1000))`,
		func(c *lambda.CreateFunctionInput) {
			c.Timeout = aws.Int32(60)
		})
	got := make(chan error, 1)
	go func() {
		_, err := r.Client.Invoke(context.Background(), &lambda.InvokeInput{FunctionName: aws.String("slow")})
		got <- err
	}()
	runtimetest.Eventually(t, "it runs", func() bool { return r.Dispatch.Stats().Running == 1 })
	begin := time.Now()
	if err := r.stop(); err != nil {
		t.Error(err)
	}
	if d := time.Since(begin); d > 30*time.Second { // the function's time-out is 60 s
		t.Errorf("it took %v", d)
	}
	if err := <-got; err == nil {
		t.Error("the client was told of a success")
	}
}

func TestOneGraceIsForAllThatRuns(t *testing.T) {
	const grace = 5 * time.Second
	defer http.DefaultClient.CloseIdleConnections()
	r := serve(t, Config{Grace: grace})
	in := runtimetest.Interpreter(t, isolation.NodeJS)
	create(t, r.Client, in, "slow", `exports.handler = () => new Promise(() => setInterval(() => {}, 1000))`,
		func(c *lambda.CreateFunctionInput) {
			c.Timeout = aws.Int32(60)
		})
	code := "function main() { return new Promise(() => setInterval(() => {}, 1000)) }"
	if status, m := whisk(t, r.url, "PUT", "/_/actions/slow",
		map[string]any{"exec": map[string]any{"kind": "nodejs:default", "code": code}}); status != http.StatusOK {
		t.Fatalf("%d %v", status, m)
	}
	if _, err := r.Client.Invoke(t.Context(), &lambda.InvokeInput{FunctionName: aws.String("slow"),
		InvocationType: types.InvocationTypeEvent}); err != nil {
		t.Fatal(err)
	}
	if status, m := whisk(t, r.url, "POST", "/_/actions/slow", struct{}{}); status != http.StatusAccepted {
		t.Fatalf("%d %v", status, m)
	}
	called := make(chan error, 1)
	go func() {
		_, err := r.Client.Invoke(context.Background(), &lambda.InvokeInput{FunctionName: aws.String("slow")})
		called <- err
	}()
	runtimetest.Eventually(t, "all three run", func() bool { return r.Dispatch.Stats().Running == 3 })
	begin := time.Now()
	if err := r.stop(); err != nil {
		t.Errorf("what outlives the grace is an error of the end: %v", err)
	}
	if d := time.Since(begin); d >= 2*grace {
		t.Errorf("the end took %v, the grace is %v", d, grace)
	}
	if err := <-called; err == nil {
		t.Error("the client was told of a success")
	}
}
