package proc_test

import (
	"io"
	"os"
	"os/exec"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/lambdabench/lambdabench/runtime/proc"
	"github.com/lambdabench/lambdabench/runtime/runtimetest"
)

// shellWithAChild starts a shell that waits for a child. Both end when w is closed, and are
// killed with the test.
func shellWithAChild(t *testing.T) (cmd *exec.Cmd, w io.Closer) {
	t.Helper()
	// The shell gives a command in the background /dev/null to read, if nothing else.
	cmd = exec.Command("/bin/sh", "-c", `exec 3<&0; cat <&3 & echo; wait`)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	in, w := io.Pipe()
	cmd.Stdin = in
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if cmd.ProcessState == nil { // the test has not waited for it
			w.Close()
			_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
			_ = cmd.Wait()
		}
	})
	if _, err := out.Read(make([]byte, 1)); err != nil { // the child was started
		t.Fatal(err)
	}
	return cmd, w
}

func TestProcessesAreMeasuredWithAllThatTheyStarted(t *testing.T) {
	cmd, w := shellWithAChild(t)
	all := proc.Descendants(os.Getpid())
	if all[0] != os.Getpid() || !slices.Contains(all, cmd.Process.Pid) {
		t.Errorf("descendants %v, of which the shell is %d", all, cmd.Process.Pid)
	}
	for name, sizeOf := range map[string]func(int) (int64, error){
		"proportional": proc.ProportionalSize, "resident": proc.ResidentSize,
	} {
		one, err := proc.Sum(all[:1], sizeOf)
		if err != nil {
			t.Fatal(err)
		}
		if sum, err := proc.Sum(append(all, 1<<30), sizeOf); err != nil || sum <= one || one < 1<<20 {
			t.Errorf("%s sizes: %d of one process, %d of all, error %v", name, one, sum, err)
		}
		if _, err := proc.Sum([]int{1 << 30}, sizeOf); err == nil {
			t.Errorf("%s size of a process that is not there", name)
		}
	}
	var cpu time.Duration
	runtimetest.Eventually(t, "this process has taken a tick of processor time", func() bool {
		for begin := time.Now(); time.Since(begin) < time.Millisecond; {
		}
		cpu = proc.CPUTime([]int{os.Getpid(), 1 << 30})
		return cpu > 0
	})
	if cpu > time.Hour {
		t.Errorf("processor time %v", cpu)
	}
	w.Close()
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
}

func TestStopIsSeenAsFarDownAsAsked(t *testing.T) {
	cmd, w := shellWithAChild(t)
	shell := cmd.Process.Pid
	child := proc.Children(shell)[0]
	want := func(pid, generations int, stopped bool) {
		t.Helper()
		runtimetest.Eventually(t, "the state is what the signals make it", func() bool {
			return proc.Stopped(pid, generations) == stopped
		})
	}
	send := func(pid int, sig syscall.Signal) {
		t.Helper()
		if err := syscall.Kill(pid, sig); err != nil {
			t.Fatal(err)
		}
	}
	want(shell, 1, false)
	send(child, syscall.SIGSTOP)
	want(shell, 1, true)
	want(shell, 0, false) // a process that a function stops is the function's affair
	send(child, syscall.SIGCONT)
	want(shell, 1, false)
	send(shell, syscall.SIGSTOP)
	want(shell, 0, true)
	send(shell, syscall.SIGCONT)
	want(shell, 1, false)
	w.Close()
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
	want(shell, 1, false) // it is gone
}

func BenchmarkStopped(b *testing.B) {
	for b.Loop() {
		proc.Stopped(os.Getpid(), 0)
	}
}
