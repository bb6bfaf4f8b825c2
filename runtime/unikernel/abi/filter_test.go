package abi

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// mayPass prints the system calls that the filter lets pass from an address with
// any arguments: where it looks at an argument, both ways are followed.
const mayPass = `
#include <stdio.h>
#include <stdlib.h>
#include "uc_filter.h"

static int passes(int pc, int known, unsigned a, unsigned nr, unsigned long long ip)
{
	for (;;) {
		struct sock_filter f = uc_filter[pc++];
		switch (f.code) {
		case BPF_LD | BPF_W | BPF_ABS:
			known = 1;
			if (f.k == offsetof(struct seccomp_data, nr)) a = nr;
			else if (f.k == offsetof(struct seccomp_data, arch)) a = AUDIT_ARCH_X86_64;
			else if (f.k == offsetof(struct seccomp_data, instruction_pointer)) a = ip;
			else if (f.k == offsetof(struct seccomp_data, instruction_pointer) + 4) a = ip >> 32;
			else known = 0;
			break;
		case BPF_JMP | BPF_JEQ | BPF_K:
		case BPF_JMP | BPF_JGE | BPF_K:
			if (!known)
				return passes(pc + f.jt, 0, 0, nr, ip) || passes(pc + f.jf, 0, 0, nr, ip);
			pc += (f.code == (BPF_JMP | BPF_JEQ | BPF_K) ? a == f.k : a >= f.k) ? f.jt : f.jf;
			break;
		case BPF_RET | BPF_K:
			return f.k == SECCOMP_RET_ALLOW;
		default:
			abort();
		}
	}
}

int main(int argc, char **argv)
{
	unsigned long long ip = strtoull(argv[1], 0, 0);
	for (unsigned nr = 0; nr < 4096; nr++)
		if (passes(0, 0, 0, nr, ip) || passes(0, 0, 0, nr | 0x40000000, ip)) /* x32 */
			printf("%u ", nr);
}
`

func TestFilterAllowsTheListAlone(t *testing.T) {
	cc, err := exec.LookPath("gcc")
	if err != nil {
		t.Skip("no C compiler (gcc) on this host")
	}
	here, err := filepath.Abs(".")
	if err != nil {
		t.Fatal(err)
	}
	source, program := filepath.Join(t.TempDir(), "pass.c"), filepath.Join(t.TempDir(), "pass")
	if err := os.WriteFile(source, []byte(mayPass), 0o644); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(cc, "-w", "-I", here, "-o", program, source).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	allowed := 0
	for _, c := range []struct{ from, ip, want string }{
		// mmap, munmap, rt_sigreturn, madvise, sendto, recvfrom, arch_prctl, clock_gettime, exit_group, ppoll,
		// getrandom
		{"UC_STUB_IP", "0x7e0000000002", "9 11 15 28 44 45 158 228 231 271 318"},
		{"UC_RESET_IP", "0x7e0000000032", "131"}, // sigaltstack
		{"the libOS elsewhere", "0x7e0000000100", ""},
		{"a program at a fixed address", "0x400002", ""},
		{"the heap", "0x1000000000", ""},
		{"behind the tender", "0x7e00001e0000", ""},
	} {
		out, err := exec.Command(program, c.ip).Output()
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.TrimSpace(string(out)); got != c.want {
			t.Errorf("from %s (%s) calls %q may pass, want %q", c.from, c.ip, got, c.want)
		}
		allowed += len(strings.Fields(string(out)))
	}
	// The list for people, at the head of the header.
	text, err := os.ReadFile("uc_filter.h")
	if err != nil {
		t.Fatal(err)
	}
	if listed := len(regexp.MustCompile(`(?m)^ \* [ \d]\d [a-z_0-9]+`).FindAll(text, -1)); listed != allowed {
		t.Errorf("uc_filter.h lists %d calls, and lets %d pass", listed, allowed)
	}
}
