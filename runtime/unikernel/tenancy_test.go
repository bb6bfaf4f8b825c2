package unikernel

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/lambdabench/lambdabench/runtime/isolation"
	"github.com/lambdabench/lambdabench/runtime/runtimetest"
)

// ofAccount is a function of an account that answers with its process id.
func ofAccount(t testing.TB, account string) isolation.Function {
	fn := function(t, isolation.NodeJS, "exports.handler = async () => process.pid;\n")
	if account != "" {
		fn.ARN = "arn:aws:lambda:us-east-1:" + account + ":function:f"
	} else {
		fn.ARN = ""
	}
	return fn
}

// processOf is the process of a UC that is awake.
func processOf(t *testing.T, s *sandbox) int {
	t.Helper()
	pid, err := s.live.uc.HostPID(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return pid
}

// serveAccount runs a function of an account once in a UC of a base snapshot, and
// returns the UC and its processes before and after the import.
func serveAccount(t *testing.T, b *Backend, base *snap, known bool, account string) (sb *sandbox, before, after int) {
	t.Helper()
	spec := isolation.DeploySpec{}
	if known {
		spec.Account = account
	}
	got, err := b.Deploy(context.Background(), base, spec)
	if err != nil {
		t.Fatal(err)
	}
	sb = got.(*sandbox)
	before = processOf(t, sb)
	if err := sb.Import(t.Context(), ofAccount(t, account)); err != nil {
		t.Fatal(err)
	}
	var pid uint32
	if res := runtimetest.Invoke(t, sb, "{}"); res.Outcome != isolation.OK ||
		json.Unmarshal(res.Payload, &pid) != nil || pid != sb.pid {
		t.Fatalf("%+v, want process id %d", res, sb.pid)
	}
	return sb, before, processOf(t, sb)
}

func TestProcessesAreReusedWithinAnAccountAlone(t *testing.T) {
	for name, known := range map[string]bool{"account known at the deploy": true,
		"account known at the import": false} {
		t.Run(name, func(t *testing.T) {
			b := newBackend(t, Config{Spares: 4, HibernateAfter: -1})
			base := baseSnapshot(t, b, isolation.NodeJS, nil).(*snap)
			of, again := map[int]string{}, map[string]int{}
			for round := range 4 {
				for _, account := range []string{"111111111111", "222222222222", "", "111111111111",
					"openwhisk/guest"} {
					sb, before, after := serveAccount(t, b, base, known, account)
					if known && account != "" && before != after {
						t.Errorf("round %d: the import changed the process", round)
					}
					if owner, old := of[after]; old && owner != account {
						t.Errorf("round %d: account %q runs in process %d of account %q", round, account, after, owner)
					} else if old {
						again[account]++
					}
					of[after] = account
					sb.Close()
				}
			}
			for _, account := range []string{"111111111111", "222222222222", "", "openwhisk/guest"} {
				if again[account] == 0 {
					t.Errorf("account %q never gets a process of its own again", account)
				}
			}
		})
	}
}

// A UC that hibernates gives its process to its own account, and wakes in one of
// its own account.
func TestHibernationKeepsProcessesWithinAnAccount(t *testing.T) {
	b := newBackend(t, Config{Spares: 1, HibernateAfter: -1})
	base := baseSnapshot(t, b, isolation.NodeJS, nil).(*snap)
	n := base.holders()[0]
	sb, _, first := serveAccount(t, b, base, true, "111111111111")
	defer sb.Close()
	emptyPool(n)
	runtimetest.Eventually(t, "the UC hibernates", func() bool { return sb.tryHibernate(nil) == nil })
	other, _, second := serveAccount(t, b, base, true, "222222222222")
	if second == first {
		t.Errorf("account 222222222222 runs in the process of account 111111111111")
	}
	other.Close()
	runtimetest.Invoke(t, sb, "{}")
	if got := processOf(t, sb); got == second {
		t.Errorf("a UC of account 111111111111 wakes in the process of account 222222222222")
	}
}

// BenchmarkAccounts: a UC of one function after the other, whose functions
// belong to 1, 2, 16 or 64 accounts in turn. The trials of the four interleave.
// With one account every process is reused, whoever has it.
func BenchmarkAccounts(b *testing.B) {
	const functions = 64
	counts := []int{1, 2, 16, 64}
	type rig struct {
		be    *Backend
		base  isolation.Snapshot
		fns   [functions]isolation.Function
		snaps [functions]isolation.Snapshot
	}
	rigs := make([]rig, len(counts))
	for i, accounts := range counts {
		r := &rigs[i]
		r.be = newBackend(b, Config{})
		r.base = baseSnapshot(b, r.be, isolation.NodeJS, steps)
		for k := range functions {
			r.fns[k] = ofAccount(b, fmt.Sprintf("%012d", k%accounts))
			r.snaps[k] = functionSnapshot(b, r.be, r.base, r.fns[k])
		}
	}
	var warm, cold laps
	trial := func(r *rig, l *laps, name string, snap isolation.Snapshot, fn isolation.Function) {
		begin := time.Now()
		sb, err := r.be.Deploy(context.Background(), snap, isolation.DeploySpec{Account: fn.Account()})
		if err != nil {
			b.Fatal(err)
		}
		if snap == r.base {
			if err := sb.Import(context.Background(), fn); err != nil {
				b.Fatal(err)
			}
		}
		runtimetest.Invoke(b, sb, "{}")
		l.add(name+"-call", time.Since(begin))
		sb.Close()
		l.add(name+"-whole", time.Since(begin))
	}
	for k := 0; b.Loop(); k++ {
		for i, accounts := range counts {
			r := &rigs[i]
			trial(r, &warm, fmt.Sprintf("warm-%d", accounts), r.snaps[k%functions], r.fns[k%functions])
			trial(r, &cold, fmt.Sprintf("cold-%d", accounts), r.base, r.fns[k%functions])
		}
	}
	warm.report(b)
	cold.report(b)
}
