package unikernel

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/lambdabench/lambdabench/runtime/isolation"
)

// capabilities are the lines Cap…: of /proc/PID/status that say what a process may
// do or come to be permitted.
func capabilities(pid int) (held []string) {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid)) // a process may have ended
	for line := range strings.Lines(string(text)) {
		f := strings.Fields(line)
		if len(f) == 2 && strings.HasPrefix(f[0], "Cap") {
			held = append(held, f[0]+f[1])
		}
	}
	return held
}

// Where kernel.yama.ptrace_scope is 2, a zygote keeps CAP_SYS_PTRACE.
func TestNoProcessOfTheTenderHasACapabilityItDoesNotNeed(t *testing.T) {
	b := newBackend(t, Config{Spares: 2})
	base := baseSnapshot(t, b, isolation.Python, nil)
	sb := deployed(t, b, base).(*sandbox)
	if err := sb.Import(t.Context(), function(t, isolation.Python, nopSource[isolation.Python])); err != nil {
		t.Fatal(err)
	}
	uc, err := sb.live.uc.HostPID(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	allowed := map[string]bool{}
	for _, set := range []string{"Inh", "Prm", "Eff", "Bnd", "Amb"} {
		allowed["Cap"+set+":0000000000000000"] = true
	}
	for _, held := range capabilities(uc) {
		if !allowed[held] {
			t.Errorf("a UC has %s", held)
		}
	}
	if scope, _ := os.ReadFile("/proc/sys/kernel/yama/ptrace_scope"); strings.TrimSpace(string(scope)) == "2" {
		ptrace := fmt.Sprintf("%016x", 1<<unix.CAP_SYS_PTRACE)
		allowed["CapPrm:"+ptrace], allowed["CapEff:"+ptrace] = true, true
	}
	tender := append(descendants(b.tender().PID()), b.tender().PID())
	seen := 0
	for _, pid := range tender {
		for _, held := range capabilities(pid) {
			seen++
			if !allowed[held] {
				t.Errorf("process %d of the tender has %s", pid, held)
			}
		}
	}
	if seen < 10 {
		t.Errorf("%d lines on capabilities of processes %v", seen, tender)
	}
}
