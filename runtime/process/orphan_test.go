package process

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/lambdabench/lambdabench/runtime/cgroup"
	"github.com/lambdabench/lambdabench/runtime/isolation"
	"github.com/lambdabench/lambdabench/runtime/runtimetest"
)

// orphanDir, in the environment, makes the test binary a platform that boots
// sandboxes and waits to be killed.
const orphanDir = "LAMBDABENCH_TEST_ORPHAN_DIR"

const escaping = `
import os, subprocess, sys
def handler(e, c):
    if os.fork() == 0:
        os.setsid()
        subprocess.Popen([sys.executable, "-c", "import time; time.sleep(1000)", e["mark"]],
                         stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os._exit(0)
`

// modes are the ways to hold a sandbox together that this host offers.
func modes() map[string]Config {
	all := map[string]Config{"default": {}, "without cgroups": {withoutCgroups: true}}
	if namespacesPermitted() {
		all["pid namespaces"] = Config{withoutCgroups: true, withoutUsers: true}
	}
	return all
}

func TestMain(m *testing.M) {
	if dir := os.Getenv(orphanDir); dir != "" {
		playPlatform(dir, os.Getenv("MODE"))
		return
	}
	os.Exit(m.Run())
}

// playPlatform has one sandbox in an endless loop and one that left a child.
func playPlatform(dir, mode string) {
	ctx := context.Background()
	cfg := modes()[mode]
	cfg.Dir = dir
	b := New(cfg)
	in, err := isolation.FindInterpreter(ctx, "python")
	if err != nil {
		fmt.Println("error", err)
		return
	}
	for _, event := range []string{`{"mark":"` + filepath.Base(dir) + `"}`, "loop"} {
		sb, err := b.Boot(ctx, isolation.BootSpec{Interpreter: in})
		if err == nil {
			err = sb.Import(ctx, isolation.Function{
				Name: "f", Handler: "index.handler", Package: filepath.Join(dir, event[:1]),
			})
		}
		if err != nil {
			fmt.Println("error", err)
			return
		}
		fmt.Println("pid", sb.(isolation.HostProcess).PID())
		inv := isolation.Invocation{ID: "r", Payload: []byte(event), Deadline: time.Now().Add(time.Hour)}
		if event == "loop" {
			inv.Payload = []byte("{}")
			go sb.Invoke(ctx, inv)
			for begun := []byte(nil); len(begun) == 0; time.Sleep(time.Millisecond) {
				begun, _ = sb.(isolation.Printer).Printed()
			}
		} else if res, err := sb.Invoke(ctx, inv); err != nil || res.Outcome != isolation.OK {
			fmt.Println("error", err, res.Error)
			return
		}
	}
	fmt.Println("ready")
	select {}
}

func TestNothingIsLeftOfAPlatformThatWasKilled(t *testing.T) {
	runtimetest.Interpreter(t, isolation.Python)
	for mode, cfg := range modes() {
		t.Run(mode, func(t *testing.T) { killPlatform(t, mode, cfg) })
	}
}

func killPlatform(t *testing.T, mode string, cfg Config) {
	dir, err := os.MkdirTemp("", "lambdabench-orphan-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	os.Chmod(dir, 0o755)
	for name, source := range map[string]string{
		"{": escaping, "l": "def handler(e, c):\n    print('begun')\n    while True: pass\n",
	} {
		os.MkdirAll(filepath.Join(dir, name), 0o755)
		os.WriteFile(filepath.Join(dir, name, "index.py"), []byte(source), 0o644)
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), orphanDir+"="+dir, "MODE="+mode)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	pids := readPids(t, out)
	if err := cmd.Process.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	cmd.Wait()
	runtimetest.Eventually(t, "sandboxes die with their platform", func() bool {
		for _, pid := range pids {
			if cgroup.StartTime(pid) != "" {
				return false
			}
		}
		return true
	})
	next := cfg
	next.Dir = dir
	b := New(next)
	defer b.Close()
	if err := b.Probe(context.Background()); err != nil {
		t.Fatal(err)
	}
	mark := filepath.Base(dir)
	runtimetest.Eventually(t, "the escaped child is gone", func() bool { return !running(mark) })
	if left := cgroup.Orphans(prefix, dir); len(left) > 0 {
		t.Errorf("directories left: %v", left)
	}
	for _, own := range b.cgroups.Dirs() {
		if left := cgroup.Orphans(prefix, filepath.Dir(own)); len(left) > 0 {
			t.Errorf("cgroups left: %v", left)
		}
	}
}

func TestEvictingSparesUsersOfAPlatformThatLives(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only a root platform hands out users")
	}
	b := New(Config{withoutCgroups: true})
	sb := loaded(t, b, "def handler(e, c):\n    return e\n")
	other, err := newUsers(0)
	if err != nil || other == nil {
		t.Skip("no second block of users: ", err)
	}
	defer other.mark.Close()
	if other.first == b.users.first {
		t.Fatal("two backends hold one block")
	}
	if err := other.evict(sb.(*sandbox).uid); err != nil {
		t.Fatal(err)
	}
	if got := runtimetest.Reply(t, sb, "1"); got != "1" {
		t.Errorf("reply %s", got)
	}
}

func readPids(t *testing.T, out io.Reader) (pids []int) {
	for sc := bufio.NewScanner(out); sc.Scan(); {
		word, rest, _ := strings.Cut(sc.Text(), " ")
		switch word {
		case "pid":
			pid, _ := strconv.Atoi(rest)
			pids = append(pids, pid)
		case "ready":
			return pids
		default:
			t.Fatal(sc.Text())
		}
	}
	t.Fatal("the platform ended early")
	return nil
}

// running tells whether a process has mark as an argument of its own.
func running(mark string) bool {
	lines, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, path := range lines {
		line, _ := os.ReadFile(path)
		if strings.Contains(string(line), "\x00"+mark+"\x00") {
			return true
		}
	}
	return false
}
