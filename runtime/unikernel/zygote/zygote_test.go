package zygote

import (
	"errors"
	"os/exec"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/lambdabench/lambdabench/runtime/runtimetest"
)

// silentZygote is a zygote whose process reads nothing and says nothing, with orders
// that wait for some milliseconds instead of seconds.
func silentZygote(t *testing.T) (*Zygote, *Losses) {
	t.Helper()
	ours, theirs, err := socketPair()
	if err != nil {
		t.Fatal(err)
	}
	losses := NewLosses(nil)
	n := newZygote(ours, &tender{losses: losses})
	tick := unix.NsecToTimeval(int64(time.Millisecond))
	for _, option := range []int{unix.SO_RCVTIMEO, unix.SO_SNDTIMEO} {
		if err := unix.SetsockoptTimeval(ours, unix.SOL_SOCKET, option, &tick); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() {
		n.Close()
		unix.Close(theirs)
	})
	return n, losses
}

func TestZygoteThatDoesNotAnswerIsDead(t *testing.T) {
	n, losses := silentZygote(t)
	child := Child{zygote: n}
	_, err := child.Stat(t.Context())
	if !errors.Is(err, ErrGone) || !errors.Is(err, errUnanswered) {
		t.Fatalf("an order that nobody answers: %v", err)
	}
	if !n.dead.Load() || len(losses.Woken) != 1 {
		t.Error("the zygote is not dead, or its owner does not know")
	}
	begin := time.Now()
	if _, err := child.Stat(t.Context()); !errors.Is(err, ErrGone) || time.Since(begin) > time.Second {
		t.Errorf("the next order waits as well: %v", err)
	}
}

// A stopped root answers nobody, and its owner kills it once the order has ended.
func TestOrderDoesNotOutwaitAStoppedRoot(t *testing.T) {
	n, _ := silentZygote(t)
	tick := unix.NsecToTimeval(int64(100 * time.Millisecond))
	if err := unix.SetsockoptTimeval(n.fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &tick); err != nil {
		t.Fatal(err)
	}
	root := exec.Command("sleep", "60")
	if err := root.Start(); err != nil {
		t.Skip(err)
	}
	t.Cleanup(func() {
		root.Process.Kill()
		root.Wait()
	})
	n.tender.pid = root.Process.Pid
	if err := root.Process.Signal(unix.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	runtimetest.Eventually(t, "the root is stopped", n.tender.stopped)
	begin := time.Now()
	_, err := Child{zygote: n}.Scan(t.Context(), false)
	if whole := 60 * 100 * time.Millisecond; !errors.Is(err, ErrGone) || time.Since(begin) > whole/2 {
		t.Errorf("the order ends after %v of %v: %v", time.Since(begin), whole, err)
	}
}

// Orders without a reply fill the socket of a zygote that does not read them.
func TestZygoteThatDoesNotReadIsDead(t *testing.T) {
	n, _ := silentZygote(t)
	for i := range uint32(100_000) {
		if n.kill(i); n.dead.Load() {
			return
		}
	}
	t.Error("it is alive")
}
