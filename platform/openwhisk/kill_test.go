package openwhisk_test

import (
	"bufio"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/lambdabench/lambdabench/platform/openwhisk"
	"github.com/lambdabench/lambdabench/runtime"
)

func serveChild(dir string) error {
	d, err := deploy(dir, openwhisk.Settings{})
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	os.Stdout.WriteString("http://" + l.Addr().String() + "\n")
	return http.Serve(l, d.api)
}

func startChild(t *testing.T, dir string) (*client, *exec.Cmd) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childServe+"="+dir)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { kill(cmd) })
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return &client{t, strings.TrimSpace(line), openwhisk.GuestKey}, cmd
}

func kill(cmd *exec.Cmd) {
	cmd.Process.Signal(syscall.SIGKILL)
	cmd.Wait()
}

func TestAKilledPlatformLosesNothingThatItAcknowledged(t *testing.T) {
	if _, err := runtime.FindInterpreter(t.Context(), "nodejs"); err != nil {
		t.Skip(err)
	}
	dir := t.TempDir()
	c, cmd := startChild(t, dir)
	c.want(200, "PUT", "/_/packages/p", map[string]any{"parameters": kv("a", "1")})
	c.put("p/nap", "nodejs:default", "async function main(p) { await new Promise(r => setTimeout(r, p.ms)); return p }", nil)
	done := c.want(202, "POST", "/_/actions/p/nap", map[string]int{"ms": 1})["activationId"].(string)
	c.wait(done)
	open := c.want(202, "POST", "/_/actions/p/nap", map[string]int{"ms": 30_000})["activationId"].(string)
	kill(cmd)
	c, cmd = startChild(t, dir)
	if r := c.wait(done); r["status"] != "success" {
		t.Errorf("ended before the kill: %v", r)
	}
	if r := c.wait(open); r["status"] != "whisk internal error" {
		t.Errorf("ran during the kill: %v", r)
	}
	if r := c.want(200, "POST", "/_/actions/p/nap?blocking=true&result=true", map[string]int{"ms": 1}); r["a"] != "1" {
		t.Errorf("%v", r)
	}
	kill(cmd)
}
