package unikernel

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/lambdabench/lambdabench/runtime/isolation"
	"github.com/lambdabench/lambdabench/runtime/runtimetest"
	"github.com/lambdabench/lambdabench/runtime/unikernel/zygote"
)

// processTree are the living processes of a backend's tender by how far below the root
// they are: the root, zygotes that boot, zygotes of snapshots, spares and UCs.
func processTree(b *Backend) (levels [4][]int) {
	kids := children()
	levels[0] = []int{b.tender().PID()}
	for i := range 3 {
		for _, p := range levels[i] {
			levels[i+1] = append(levels[i+1], kids[p]...)
		}
	}
	return levels
}

// children are the processes of the host that are no zombies, by their parents.
func children() map[int][]int {
	kids := map[int][]int{}
	dirs, _ := os.ReadDir("/proc")
	for _, d := range dirs {
		p, err := strconv.Atoi(d.Name())
		if err != nil {
			continue
		}
		stat, err := os.ReadFile("/proc/" + d.Name() + "/stat")
		if err != nil {
			continue
		}
		_, after, _ := strings.Cut(string(stat), ") ")
		var state string
		var parent int
		fmt.Sscan(after, &state, &parent)
		if state != "Z" {
			kids[parent] = append(kids[parent], p)
		}
	}
	return kids
}

func alive(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err == nil && !strings.Contains(string(stat), ") Z ")
}

// retried hands a call to sandboxes of a snapshot until one takes it, as a worker
// does.
func retried(ctx context.Context, b *Backend, snap isolation.Snapshot) error {
	for tries := 4; ; tries-- {
		sb, err := b.Deploy(ctx, snap, isolation.DeploySpec{})
		if err != nil {
			return err
		}
		inv := isolation.Invocation{ID: "request-1", Payload: []byte("1"), Deadline: time.Now().Add(30 * time.Second)}
		res, err := sb.Invoke(ctx, inv)
		sb.Close()
		switch {
		case errors.Is(err, isolation.ErrUndelivered) && tries > 0:
		case err != nil:
			return err
		case res.Outcome != isolation.OK:
			return fmt.Errorf("outcome %s: %v", res.Outcome, res.Error)
		default:
			return nil
		}
	}
}

func lost(b *Backend, kind string) (lost, replaced uint64) {
	for _, h := range b.Helpers() {
		if h.Kind == kind {
			return h.Lost, h.Replaced
		}
	}
	return 0, 0
}

func TestLostProcessesAreReplacedAndCallsGoOn(t *testing.T) {
	b, sleeper := keeper(t, isolation.Python)
	askKeeper(t, sleeper, "{}")
	rest(t, sleeper)
	base := baseSnapshot(t, b, isolation.Python, nil)
	snap := functionSnapshot(t, b, base, function(t, isolation.Python, nopSource[isolation.Python]))
	open := descriptors(t)
	one := func(pids []int) []int { return pids[:1] }
	all := func(pids []int) []int { return pids }
	for _, f := range []struct {
		name  string
		level int
		which func([]int) []int
		sig   syscall.Signal
		kind  string
	}{
		{"a spare is killed", 3, one, syscall.SIGKILL, zygote.KindSpare},
		{"all spares are killed", 3, all, syscall.SIGKILL, zygote.KindSpare},
		{"all spares are stopped", 3, all, syscall.SIGSTOP, zygote.KindSpare},
		{"a zygote is killed", 2, one, syscall.SIGKILL, zygote.KindZygote},
		{"all zygotes are killed", 2, all, syscall.SIGKILL, zygote.KindZygote},
		{"a zygote is stopped", 2, one, syscall.SIGSTOP, zygote.KindZygote},
		{"all zygotes are stopped", 2, all, syscall.SIGSTOP, zygote.KindZygote},
		{"the image zygote is killed", 1, all, syscall.SIGKILL, zygote.KindZygote},
		{"the image zygote is stopped", 1, all, syscall.SIGSTOP, zygote.KindZygote},
		{"the root is killed", 0, all, syscall.SIGKILL, zygote.KindRoot},
		{"the root is stopped", 0, all, syscall.SIGSTOP, zygote.KindRoot},
	} {
		t.Run(f.name, func(t *testing.T) {
			var before [4][]int
			runtimetest.Eventually(t, "all are there", func() bool {
				before = processTree(b)
				return b.Health(t.Context()) == nil && len(before[3]) >= b.cfg.spares()
			})
			lostBefore, replacedBefore := lost(b, f.kind)
			struck := f.which(before[f.level])
			dying := slices.Clone(struck)
			for _, pid := range struck {
				dying = append(dying, descendants(pid)...)
			}
			for _, pid := range struck {
				if err := syscall.Kill(pid, f.sig); err != nil {
					t.Fatal(err)
				}
			}
			// A process that is on its way out may take a call with it.
			runtimetest.Eventually(t, "the processes are gone", func() bool {
				return !slices.ContainsFunc(dying, alive)
			})
			for i := range 2 * b.cfg.spares() {
				if err := retried(t.Context(), b, snap); err != nil {
					t.Fatalf("call %d: %v", i, err)
				}
			}
			runtimetest.Eventually(t, "the loss is counted, and what was lost is replaced", func() bool {
				l, r := lost(b, f.kind)
				return l > lostBefore && r > replacedBefore && b.Health(t.Context()) == nil
			})
			runtimetest.Eventually(t, "there are as many as before", func() bool {
				now := processTree(b)
				return len(now[1]) == len(before[1]) && len(now[2]) == len(before[2]) && len(now[3]) >= b.cfg.spares()
			})
			askKeeper(t, sleeper, "{}") // what hibernates survives, with its state
			rest(t, sleeper)
		})
	}
	if n := descriptors(t); n > open+2 {
		t.Errorf("%d descriptors are open, %d were before", n, open)
	}
}

// descriptors is how many this process has open.
func descriptors(t *testing.T) int {
	t.Helper()
	fds, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(fds)
}

func TestUCThatIsStoppedDuringACallEndsTheCall(t *testing.T) {
	_, sb, neighbour := withNeighbour(t,
		`exports.handler = () => new Promise(() => { console.log("begun"); setTimeout(() => {}, 1e8); });`)
	pid, err := sb.(*sandbox).live.uc.HostPID(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan isolation.Result, 1)
	begin := time.Now()
	go func() {
		res, err := sb.Invoke(context.Background(), isolation.Invocation{ID: "r", Payload: []byte("{}"),
			Deadline: time.Now().Add(60 * time.Second)})
		if err != nil {
			t.Error(err)
		}
		done <- res
	}()
	runtimetest.Eventually(t, "the call is under way", func() bool { return len(sb.(*sandbox).log.Peek()) > 0 })
	if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	if res := <-done; res.Outcome != isolation.Crashed || res.Error == nil ||
		!strings.Contains(res.Error.Message, "signal: killed") || time.Since(begin) > 30*time.Second {
		t.Errorf("%+v %v after %v", res, res.Error, time.Since(begin))
	}
	runtimetest.Invoke(t, neighbour, "1")
}

func TestIdleUCThatDiedDoesNotTakeTheNextCall(t *testing.T) {
	_, sb, _ := withNeighbour(t, nopSource[isolation.NodeJS])
	runtimetest.Invoke(t, sb, "1")
	pid, err := sb.(*sandbox).live.uc.HostPID(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	runtimetest.Eventually(t, "it is gone", sb.(*sandbox).live.channel.Ended)
	_, err = sb.Invoke(t.Context(), isolation.Invocation{ID: "r", Payload: []byte("1"),
		Deadline: time.Now().Add(time.Minute)})
	if !errors.Is(err, isolation.ErrUndelivered) || !strings.Contains(err.Error(), "signal: killed") {
		t.Errorf("a call of a UC that was killed before: %v", err)
	}
}

func TestClosedSandboxIsNobodyElse(t *testing.T) {
	b, base := onlyOne(t, isolation.Python)
	fn := function(t, isolation.Python, nopSource[isolation.Python])
	old := deployed(t, b, base)
	if err := old.Import(t.Context(), fn); err != nil {
		t.Fatal(err)
	}
	runtimetest.Invoke(t, old, "1")
	was := old.(*sandbox).live.uc
	first, err := was.HostPID(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	old.Close()
	next := deployed(t, b, base)
	defer next.Close()
	if pid, err := next.(*sandbox).live.uc.HostPID(t.Context()); err != nil || pid != first {
		t.Fatalf("the next UC is process %d, not that of the first, %d: %v", pid, first, err)
	}
	if u, err := old.Usage(); !errors.Is(err, isolation.ErrClosed) {
		t.Errorf("usage after close: %+v, %v", u, err)
	}
	if c, err := b.Calls(old); !errors.Is(err, isolation.ErrClosed) {
		t.Errorf("calls after close: %+v, %v", c, err)
	}
	if err := old.Import(t.Context(), fn); !errors.Is(err, isolation.ErrClosed) {
		t.Errorf("import after close: %v", err)
	}
	// A call that began before Close is refused by the zygote.
	if _, err := was.Stat(t.Context()); !errors.Is(err, zygote.ErrUnknown) {
		t.Errorf("an order for the UC that is gone: %v", err)
	}
	was.Kill()
	if err := next.Import(t.Context(), fn); err != nil {
		t.Errorf("its death was ordered by the name of the one before: %v", err)
	}
}
