package bubblewrap

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/lambdabench/lambdabench/runtime/cgroup"
	"github.com/lambdabench/lambdabench/runtime/isolation"
	"github.com/lambdabench/lambdabench/runtime/runtimetest"
)

// playing, in the environment, makes the test binary a platform that boots a
// sandbox and waits to be killed.
const playing = "LAMBDABENCH_TEST_PLAY_PLATFORM"

func TestMain(m *testing.M) {
	if os.Getenv(playing) != "" {
		playPlatform()
		return
	}
	os.Exit(m.Run())
}

func playPlatform() {
	ctx := context.Background()
	in, err := isolation.FindInterpreter(ctx, string(isolation.Python))
	if err != nil {
		fmt.Println(err)
		return
	}
	sb, err := New(Config{}).Boot(ctx, isolation.BootSpec{Interpreter: in})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(sb.(isolation.HostProcess).PID())
	<-make(chan struct{}) // until the test kills this process
}

// usable is a backend that the test closes; without bwrap the test is skipped.
func usable(t *testing.T) *Backend {
	t.Helper()
	b := New(Config{})
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := b.Probe(context.Background()); err != nil {
		t.Skip(err)
	}
	return b
}

func boot(t *testing.T, b *Backend) *sandbox {
	t.Helper()
	spec := isolation.BootSpec{Interpreter: runtimetest.Interpreter(t, isolation.Python)}
	sb, err := b.Boot(context.Background(), spec)
	if err != nil {
		t.Fatal(err)
	}
	return sb.(*sandbox)
}

func TestAHostWithoutBwrapIsToldHowToGetIt(t *testing.T) {
	b := New(Config{Program: "bwrap-that-nobody-has"})
	defer b.Close()
	_, bootErr := b.Boot(context.Background(), isolation.BootSpec{
		Interpreter: isolation.Interpreter{Language: isolation.Python, Path: "/usr/bin/python3"},
	})
	for call, err := range map[string]error{"probe": b.Probe(context.Background()), "boot": bootErr} {
		var lacks *isolation.Unavailable
		if !errors.As(err, &lacks) || lacks.Remedy != installRemedy {
			t.Errorf("%s: %v is no remedy", call, err)
		}
	}
}

func TestNothingIsLeftOfAPlatformThatWasKilled(t *testing.T) {
	usable(t)
	runtimetest.Interpreter(t, isolation.Python)
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), playing+"=1")
	pid := runtimetest.Child(t, cmd)
	if _, err := os.Stat("/proc/" + pid); err != nil {
		t.Fatalf("the platform says %q: %v", pid, err)
	}
	runtimetest.Kill(cmd)
	runtimetest.Eventually(t, "the sandbox ends with its platform", func() bool {
		_, err := os.Stat("/proc/" + pid)
		return errors.Is(err, os.ErrNotExist)
	})
	usable(t) // the next platform
	for _, tree := range cgroup.Trees() {
		if left := cgroup.Orphans(prefix, tree.Dir()); len(left) > 0 {
			t.Errorf("cgroups are left: %v", left)
		}
	}
}

// The process that a sandbox is known by is its first one. Somebody may kill
// bwrap, the parent of that process.
func TestASandboxEndsWhenItsBwrapIsKilled(t *testing.T) {
	sb := boot(t, usable(t))
	if err := sb.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	select {
	case <-sb.Done():
	case <-time.After(closePatience):
		t.Fatal("nobody noticed the end")
	}
	if err := sb.Cause(); err == nil || !strings.Contains(err.Error(), "signal: killed") {
		t.Errorf("the cause is %v", err)
	}
	runtimetest.Eventually(t, "the new parent of the first process has waited for it", func() bool {
		_, err := os.Stat(fmt.Sprintf("/proc/%d", sb.first))
		return errors.Is(err, os.ErrNotExist)
	})
}

const looking = `
import os
def handler(event, context):
    status = dict(line.split(":\t", 1) for line in open("/proc/self/status") if ":\t" in line)
    network = [line.split(":")[0].strip() for line in open("/proc/net/dev") if ":" in line]
    return {"root": os.listdir("/"), "seen": os.path.exists(event["file"]), "network": network, "user": os.getuid(),
            "capabilities": int(status["CapEff"], 16), "writable": os.access("/usr", os.W_OK)}
`

func TestAFunctionSeesNothingOfTheHostButItsSystemDirectories(t *testing.T) {
	sb := boot(t, usable(t))
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := sb.Import(context.Background(), runtimetest.Function(t, isolation.Python, looking)); err != nil {
		t.Fatal(err)
	}
	var got struct {
		Root, Network  []string
		Seen, Writable bool
		User           int
		Capabilities   uint64
	}
	reply := runtimetest.Reply(t, sb, fmt.Sprintf(`{"file":%q}`, secret))
	if err := json.Unmarshal([]byte(reply), &got); err != nil {
		t.Fatal(err)
	}
	if got.Seen || got.Writable || got.User == 0 || got.Capabilities != 0 || fmt.Sprint(got.Network) != "[lo]" {
		t.Errorf("a function sees %+v", got)
	}
	for _, dir := range got.Root {
		if dir == "home" || dir == "root" || dir == "run" || dir == "sys" {
			t.Errorf("a function sees /%s", dir)
		}
	}
}

func TestABootThatIsCancelledLeavesNoProcess(t *testing.T) {
	b := usable(t)
	ctx, cancel := context.WithCancel(context.Background())
	info, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer info.Close()
	defer w.Close()
	cmd := exec.Command("/bin/sleep", "1000") // a bwrap that says nothing
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	sb := &sandbox{backend: b, cmd: cmd, group: b.groups.Child("never"), gone: make(chan struct{})}
	if err := b.thread.do(cmd.Start); err != nil {
		t.Fatal(err)
	}
	cancel()
	if err := sb.find(ctx, info); !errors.Is(err, context.Canceled) {
		t.Errorf("find: %v", err)
	}
	if err := sb.abandon(); err != nil {
		t.Error(err)
	}
	if cmd.ProcessState == nil {
		t.Error("the process was not waited for")
	}
}
