package surface

import (
	"os"
	"os/exec"
	"slices"
	"testing"

	"golang.org/x/sys/unix"
)

func TestReachableCallsFollowTheFilter(t *testing.T) {
	ld := func(at uint32) instruction { return instruction{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: at} }
	jeq := func(k uint32, yes, no uint8) instruction {
		return instruction{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: k, Jt: yes, Jf: no}
	}
	ret := func(k uint32) instruction { return instruction{Code: unix.BPF_RET | unix.BPF_K, K: k} }
	const allow, kill, errno = 0x7fff0000, 0x80000000, 0x00050001
	only := func(nr uint32) []instruction { return []instruction{ld(0), jeq(nr, 0, 1), ret(allow), ret(errno)} }
	cases := []struct {
		name    string
		filters [][]instruction
		want    []int
	}{
		{"one call", [][]instruction{only(unix.SYS_READ)}, []int{unix.SYS_READ}},
		{"two filters that agree on nothing", [][]instruction{only(unix.SYS_READ), only(unix.SYS_WRITE)}, nil},
		{"foreign architecture only", [][]instruction{{ld(4), jeq(0x40000003, 0, 1), ret(allow), ret(kill)}}, nil},
		{"for one argument", [][]instruction{{ld(0), jeq(unix.SYS_WRITE, 0, 3), ld(16), jeq(2, 0, 1), ret(allow),
			ret(kill)}}, []int{unix.SYS_WRITE}},
		{"from a place where nothing is", [][]instruction{{ld(12), jeq(0x1234, 0, 1), ret(allow), ret(kill)}}, nil},
		{"from one place only", [][]instruction{
			{ld(0), jeq(unix.SYS_BRK, 0, 3), ld(12), jeq(0x7000, 0, 1), ret(allow), ret(kill)}}, []int{unix.SYS_BRK}},
		{"from one instruction of the code", [][]instruction{
			{ld(12), jeq(0x7000, 1, 0), ret(kill), ld(8), jeq(0x1234, 1, 0), ret(kill), ld(0), jeq(unix.SYS_BRK, 0, 1),
				ret(allow), ret(kill)}}, []int{unix.SYS_BRK}},
		{"refused whatever the argument", [][]instruction{{ld(16), jeq(2, 0, 1), ret(errno), ret(kill)}}, nil},
		{"masked number", [][]instruction{{ld(0), {Code: unix.BPF_ALU | unix.BPF_AND | unix.BPF_K, K: 0}, jeq(0, 0, 1),
			ret(kill), ret(allow)}}, nil},
		{"through scratch memory", [][]instruction{
			{ld(0), {Code: unix.BPF_ST, K: 3}, ld(4), {Code: unix.BPF_LD | unix.BPF_MEM, K: 3},
				jeq(unix.SYS_CLOSE, 0, 1), ret(allow), ret(kill)}}, []int{unix.SYS_CLOSE}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got := reachableCalls(c.filters, []span{{0x700000001000, 0x700000009000}, {0x400000, 0x500000}})
			for _, nr := range c.want {
				if !got[nr] {
					t.Errorf("call %d is missing", nr)
				}
			}
			if len(got) != len(c.want) {
				t.Errorf("%d calls, want %d", len(got), len(c.want))
			}
		})
	}
	if got := reachableCalls(nil, nil); len(got) != len(callNumbers()) {
		t.Errorf("without a filter %d calls of %d", len(got), len(callNumbers()))
	}
}

func TestPlacesAreTriedOnBothSidesOfEveryConstantAndWrapAround(t *testing.T) {
	filter := []instruction{{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: 0},
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: 0xffffffff}}
	places := placesToTry([][]instruction{filter}, []span{{0, 2 << 32}})
	for _, want := range []uint64{0, 1, 0xfffffffe, 0xffffffff} {
		if !slices.Contains(places, want) {
			t.Errorf("%#x is not among %#x", want, places)
		}
	}
	for _, p := range places {
		if low := uint32(p); low > 1 && low < 0xfffffffe {
			t.Errorf("%#x is beside no constant", p)
		}
	}
}

func TestSeccompFiltersOfAnUnconfinedProcess(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can read the filters of a process")
	}
	cmd := exec.Command("sleep", "60")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { cmd.Process.Kill(); cmd.Wait() }()
	// The tracer takes over no exit: the process is still ours to wait for.
	filters, err := seccompFilters(cmd.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	if inherited := lookAt(os.Getpid()).status["Seccomp"] == "2"; !inherited && len(filters) > 0 {
		t.Errorf("%d filters", len(filters))
	}
}
