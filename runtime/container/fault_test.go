package container

import (
	"context"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/lambdabench/lambdabench/runtime/isolation"
	"github.com/lambdabench/lambdabench/runtime/proc"
	"github.com/lambdabench/lambdabench/runtime/runtimetest"
)

const echoSource = "def handler(event, context):\n    import time\n    time.sleep(event)\n    return event\n"

// The shim, the container's init and the interpreter are the processes of a
// container. The conformance suite deals with the init.
func TestShimThatIsKilledTakesItsContainerAlong(t *testing.T) {
	eachFamily(t, func(t *testing.T, family string) {
		b := open(t, Config{OCI: family})
		sb, other := load(t, b, echoSource), load(t, b, echoSource)
		first := sb.PID()
		if err := sb.shim.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		select {
		case <-sb.Done():
		case <-time.After(20 * time.Second):
			t.Fatal("nobody noticed the end of the shim")
		}
		if err := sb.Cause(); err == nil || !strings.Contains(err.Error(), "OCI runtime's process was ended") {
			t.Errorf("the cause is %v", err)
		}
		runtimetest.Eventually(t, "the container's first process is gone", func() bool {
			return syscall.Kill(first, 0) == syscall.ESRCH
		})
		if err := sb.Close(); err != nil {
			t.Error(err)
		}
		wantNothingLeft(t, strings.TrimPrefix(sb.id, idPrefix))
		if got := runtimetest.Reply(t, other, "0"); got != "0" {
			t.Errorf("another container replies %s", got)
		}
	})
}

func TestCallInFlightOfAKilledShimSaysSo(t *testing.T) {
	eachFamily(t, func(t *testing.T, family string) {
		b := open(t, Config{OCI: family})
		sb := load(t, b, "def handler(e, c):\n    import time\n    print('begun')\n    time.sleep(1000)\n")
		done := make(chan isolation.Result, 1)
		go func() {
			res, _ := sb.Invoke(t.Context(), isolation.Invocation{
				ID: "r", Payload: []byte("{}"), Deadline: time.Now().Add(time.Minute),
			})
			done <- res
		}()
		runtimetest.Eventually(t, "the call is under way", func() bool {
			begun, _ := sb.Printed()
			return len(begun) > 0
		})
		if err := sb.shim.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		res := <-done
		if res.Outcome != isolation.Crashed || !strings.Contains(string(res.Logs), "OCI runtime's process was ended") {
			t.Errorf("%s, %v, logs %s", res.Outcome, res.Error, res.Logs)
		}
	})
}

// A stopped shim does not reap its container: Close does without it.
func TestStoppedShimDoesNotKeepClose(t *testing.T) {
	eachFamily(t, func(t *testing.T, family string) {
		b := open(t, Config{OCI: family})
		sb := load(t, b, echoSource)
		if err := sb.shim.Process.Signal(syscall.SIGSTOP); err != nil {
			t.Fatal(err)
		}
		if got := runtimetest.Reply(t, sb, "0"); got != "0" {
			t.Errorf("reply %s", got)
		}
		if err := sb.Close(); err != nil {
			t.Error(err)
		}
		wantNothingLeft(t, strings.TrimPrefix(sb.id, idPrefix))
	})
}

// The OCI runtime is stopped as soon as it has started: Boot ends with its
// context, and nothing is left.
func TestOCIRuntimeThatIsStoppedWhileItBootsIsGivenUp(t *testing.T) {
	eachFamily(t, func(t *testing.T, family string) {
		b := open(t, Config{OCI: family})
		load(t, b, echoSource) // the image is there
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		stopped := make(chan string, 1)
		go func() { stopped <- stopNext(ctx, b) }()
		sb, err := b.Boot(ctx, isolation.BootSpec{Interpreter: runtimetest.Interpreter(t, isolation.Python)})
		id := <-stopped
		if id == "" {
			t.Skip("the container was there before its OCI runtime could be stopped")
		}
		if err == nil {
			sb.Close()
			t.Skip("the container was there before its OCI runtime stood")
		}
		wantNothingLeft(t, id)
		if len(b.live) != 1 {
			t.Errorf("%d containers are on the list, want the first", len(b.live))
		}
	})
}

// stopNext stops the shim of the backend's second container as soon as it runs.
func stopNext(ctx context.Context, b *Backend) (id string) {
	id = b.home.id + "-2"
	for ; ctx.Err() == nil; time.Sleep(100 * time.Microsecond) {
		for _, pid := range proc.Children(os.Getpid()) {
			line, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
			if strings.Contains(string(line), idPrefix+id) && syscall.Kill(pid, syscall.SIGSTOP) == nil {
				return id
			}
		}
	}
	return ""
}
