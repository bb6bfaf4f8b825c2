package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/lambdabench/lambdabench/platform/lambdatest"
	"github.com/lambdabench/lambdabench/runtime/isolation"
	"github.com/lambdabench/lambdabench/runtime/runtimetest"
)

func TestServeFinishesWhatRunsWhenItIsTerminated(t *testing.T) {
	in, err := isolation.FindInterpreter(t.Context(), "nodejs")
	if err != nil {
		t.Skip(err)
	}
	data := t.TempDir()
	config := filepath.Join(t.TempDir(), "platform.yaml")
	// the sandbox may still boot when it is terminated
	if err := os.WriteFile(config, []byte("grace: 1m\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	url, cmd, log := listening(t, "serve", "--listen", "127.0.0.1:0", "--data", data, "--config", config)
	if !strings.HasPrefix(url, "http://127.0.0.1:") {
		t.Errorf("listens on %s", url)
	}
	if code, _, says := command(t, "serve", "--listen", "127.0.0.1:0", "--data", data); code != exitFailed ||
		!strings.Contains(says, "in use by another platform") || !strings.Contains(says, data) {
		t.Errorf("a second one on the same directory: exit %d, %s", code, says)
	}
	c := lambdatest.Client(t, url)
	code := lambdatest.Zip(t, "index.js",
		"exports.handler = () => { console.log('begun'); "+
			"return new Promise((r) => setTimeout(() => r('done'), 1500)) }")
	if _, err := c.CreateFunction(t.Context(), &lambda.CreateFunctionInput{
		FunctionName: aws.String("slow"), Runtime: types.Runtime(in.Runtime), Handler: aws.String("index.handler"),
		Timeout: aws.Int32(10),
		Role:    aws.String("arn:aws:iam::000000000000:role/any"), Code: &types.FunctionCode{ZipFile: code},
	}); err != nil {
		t.Fatal(err)
	}
	got := make(chan string, 1)
	go func() {
		out, err := c.Invoke(context.Background(), &lambda.InvokeInput{FunctionName: aws.String("slow")})
		if err != nil {
			got <- err.Error()
			return
		}
		got <- string(out.Payload)
	}()
	runtimetest.Eventually(t, "the invocation begins", func() bool { return busy(t, url) })
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if s := <-got; s != `"done"` {
		t.Error(s)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("exit: %v, %s", err, log)
	}
	if !strings.Contains(log.String(), "shutting down") {
		t.Errorf("log: %s", log)
	}
}

// busy asks the platform's metrics whether an invocation runs.
func busy(t *testing.T, url string) bool {
	t.Helper()
	res, err := http.Get(url + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Contains(string(body), `lambdabench_running{backend="process"} 1`)
}

func TestServeRefusesWrongUse(t *testing.T) {
	config := filepath.Join(t.TempDir(), "platform.yaml")
	if err := os.WriteFile(config, []byte("data: x\ncolour: red\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args string
		says string
		code int
	}{
		{"--config " + config, "line 2: field colour not found", exitUsage},
		{"--config no/such.yaml", "no/such.yaml", exitUsage},
		{"--backend vax", "vax", exitUsage},
		{"--colour red", "unknown flag", exitUsage},
		{"extra", "extra", exitUsage},
		{"--listen 127.0.0.1:99999 --data " + t.TempDir(), "99999", exitFailed},
	} {
		code, _, says := command(t, append([]string{"serve"}, strings.Fields(c.args)...)...)
		if code != c.code || !strings.Contains(says, c.says) {
			t.Errorf("serve %s: exit %d, %s", c.args, code, says)
		}
	}
}

// elsewhere is a listener with an address of its own choice.
type elsewhere struct {
	net.Listener
	addr net.TCPAddr
}

func (e elsewhere) Addr() net.Addr { return &e.addr }

func TestWhoListensBeyondLoopbackIsWarned(t *testing.T) {
	for address, want := range map[string]bool{"127.0.0.1": false, "::1": false, "0.0.0.0": true, "192.0.2.1": true} {
		var log bytes.Buffer
		warnIfExposed(elsewhere{addr: net.TCPAddr{IP: net.ParseIP(address), Port: 9000}},
			slog.New(slog.NewTextHandler(&log, nil)))
		if got := strings.Contains(log.String(), "anyone who reaches"); got != want {
			t.Errorf("%s: %q", address, &log)
		}
	}
}

func TestServeListensOnLoopbackUnlessToldOtherwise(t *testing.T) {
	if d := serveCommand().Flag("listen").DefValue; d != "127.0.0.1:9000" {
		t.Errorf("default %s", d)
	}
}

func TestServeEndsWhenItIsInterruptedWhileItStarts(t *testing.T) {
	for _, backend := range []string{"process", "unikernel"} {
		cmd := prepared("serve", "--backend", backend, "--data", t.TempDir(), "--listen", "127.0.0.1:0")
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		// From its first child on, serve looks for interpreters or tries them.
		runtimetest.Eventually(t, "serve on "+backend+" has a child", func() bool { return hasChild(cmd.Process.Pid) })
		interrupt(t, cmd)
	}
}

// hasChild reads task/TID/children of proc(5).
func hasChild(pid int) bool {
	files, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid)) // the pattern is well formed
	return slices.ContainsFunc(files, func(file string) bool {
		children, err := os.ReadFile(file)
		return err == nil && len(children) > 0
	})
}

// interrupt sends SIGTERM, and fails the test if the command goes on.
func interrupt(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { cmd.Wait(); close(ended) }()
	select {
	case <-ended:
	case <-time.After(2 * time.Minute):
		t.Errorf("%s goes on after SIGTERM", cmd)
		cmd.Process.Kill()
		<-ended
	}
}
