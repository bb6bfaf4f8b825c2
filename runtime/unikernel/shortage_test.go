package unikernel

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/lambdabench/lambdabench/runtime/cgroup"
	"github.com/lambdabench/lambdabench/runtime/isolation"
	"github.com/lambdabench/lambdabench/runtime/runtimetest"
)

// shortages are ways in which the host lets a tender fork no further process.
// Each returns how it ends.
var shortages = map[string]func(t *testing.T, tender []int) (over func()){
	"RLIMIT_NPROC": rlimitShortage,
	"pids.max":     groupShortage,
}

func rlimitShortage(t *testing.T, tender []int) func() {
	set := func(soft func(unix.Rlimit) uint64) {
		for _, pid := range tender {
			var l unix.Rlimit
			err := unix.Prlimit(pid, unix.RLIMIT_NPROC, nil, &l)
			if err == nil {
				l.Cur = soft(l)
				err = unix.Prlimit(pid, unix.RLIMIT_NPROC, &l, nil)
			}
			if err != nil && err != unix.ESRCH { // it ended meanwhile
				t.Fatalf("limit process %d: %v", pid, err)
			}
		}
	}
	set(func(unix.Rlimit) uint64 { return 0 })
	return func() { set(func(l unix.Rlimit) uint64 { return l.Max }) }
}

// groupShortage moves the tender into a group of its own.
func groupShortage(t *testing.T, tender []int) func() {
	parent, err := cgroup.New(cgroup.OwnedName("lambdabench-test-"), cgroup.PIDs)
	if !parent.Has(cgroup.PIDs) {
		t.Skipf("no pids cgroup can be made: %v", err)
	}
	t.Cleanup(func() {
		if err := parent.Remove(); err != nil {
			t.Error(err)
		}
	})
	group := parent.Child("tender")
	move := func(to func(pid int) error) error {
		var errs []error
		for _, pid := range tender {
			if err := to(pid); !errors.Is(err, unix.ESRCH) { // it ended meanwhile
				errs = append(errs, err)
			}
		}
		return errors.Join(errs...)
	}
	err = errors.Join(group.Make(), group.Limit(isolation.Limits{Processes: 1}),
		move(func(pid int) error { return group.Enter(pid, cgroup.PIDs) }))
	if err != nil {
		t.Skipf("the tender cannot be moved into a pids cgroup: %v", err)
	}
	return func() {
		if err := move(func(pid int) error { return group.Leave(cgroup.PIDs, pid) }); err != nil {
			t.Error(err)
		}
	}
}

func TestWithoutAProcessTheErrorNamesTheBoundsUntilThereIsRoomAgain(t *testing.T) {
	for name, begin := range shortages {
		t.Run(name, func(t *testing.T) {
			b := newBackend(t, Config{Spares: 2})
			in := runtimetest.Interpreter(t, isolation.Python)
			fn := function(t, isolation.Python, nopSource[isolation.Python])
			base := baseSnapshot(t, b, isolation.Python, nil)
			// Groups are removed only after the tender has left them.
			over := begin(t, append(descendants(b.tender().PID()), b.tender().PID()))
			ended := false
			end := func() {
				if !ended {
					ended = true
					over()
				}
			}
			defer end()
			for range 8 { // what is in the pool is used first
				use(t, b, base, fn)
			}
			wantShortage(t, use(t, b, base, fn))
			_, err := b.Boot(t.Context(), isolation.BootSpec{Interpreter: in})
			wantShortage(t, err)
			end()
			// A zygote may be about to answer for a fork that failed before.
			runtimetest.Eventually(t, "a deploy after the shortage", func() bool { return use(t, b, base, fn) == nil })
		})
	}
}

// A UC that hibernates is there again when the host lets the tender fork again.
func TestUCWaitsForAProcessThatCannotBeForked(t *testing.T) {
	be, sb := keeper(t, isolation.NodeJS)
	askKeeper(t, sb, "{}")
	rest(t, sb)
	for at := sb.parent; at != nil; at = at.parent {
		for _, n := range at.holders() {
			emptyPool(n)
		}
	}
	over := rlimitShortage(t, descendants(os.Getpid()))
	defer over()
	_, err := sb.Invoke(t.Context(), isolation.Invocation{ID: "request-1", Payload: []byte("{}")})
	wantShortage(t, err)
	over()
	runtimetest.Eventually(t, "a call after the shortage", func() bool {
		_, err = sb.Invoke(t.Context(), isolation.Invocation{ID: "request-1", Payload: []byte("{}")})
		return err == nil
	})
	askKeeper(t, sb, "{}")
	if n := be.fleet.awake.Load(); n != 1 {
		t.Errorf("%d UCs are counted as awake, want 1", n)
	}
}

// use deploys a UC and has it serve. It is closed with the test, and so no
// other one is deployed in its process.
func use(t *testing.T, b *Backend, base isolation.Snapshot, fn isolation.Function) error {
	ctx := context.Background()
	sb, err := b.Deploy(ctx, base, isolation.DeploySpec{})
	if err != nil {
		return err
	}
	t.Cleanup(func() { sb.Close() })
	if err := sb.Import(ctx, fn); err != nil {
		return err
	}
	res, err := sb.Invoke(ctx, isolation.Invocation{ID: "request-1", Payload: []byte("1")})
	if err == nil && res.Outcome != isolation.OK {
		err = fmt.Errorf("outcome %s: %v", res.Outcome, res.Error)
	}
	return err
}

func wantShortage(t *testing.T, err error) {
	t.Helper()
	if !errors.Is(err, ErrNoProcess) || !errors.Is(err, unix.EAGAIN) {
		t.Fatalf("error %v, want ErrNoProcess", err)
	}
	for _, word := range []string{"fork: resource temporarily unavailable", "pids.max", "lambdabench doctor"} {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("the error does not say %q: %v", word, err)
		}
	}
	t.Log(err)
}
