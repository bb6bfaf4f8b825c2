package openwhisk_test

import (
	"net"
	"net/http"
	"os"
	"os/exec"
	"testing"

	"github.com/lambdabench/lambdabench/platform/openwhisk"
	"github.com/lambdabench/lambdabench/runtime/isolation"
	"github.com/lambdabench/lambdabench/runtime/runtimetest"
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
	return &client{t, runtimetest.Child(t, cmd), openwhisk.GuestKey}, cmd
}

func TestAKilledPlatformLosesNothingThatItAcknowledged(t *testing.T) {
	runtimetest.Interpreter(t, isolation.NodeJS)
	dir := t.TempDir()
	c, cmd := startChild(t, dir)
	c.want(200, "PUT", "/_/packages/p", map[string]any{"parameters": kv("a", "1")})
	c.put("p/nap", "nodejs:default", "async function main(p) { await new Promise(r => setTimeout(r, p.ms)); return p }",
		nil)
	done := c.want(202, "POST", "/_/actions/p/nap", map[string]int{"ms": 1})["activationId"].(string)
	c.wait(done)
	open := c.want(202, "POST", "/_/actions/p/nap", map[string]int{"ms": 30_000})["activationId"].(string)
	runtimetest.Kill(cmd)
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
	runtimetest.Kill(cmd)
}
