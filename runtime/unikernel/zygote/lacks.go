package zygote

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"

	"github.com/lambdabench/lambdabench/runtime/isolation"
)

// Reasons of a startError that are no errno.
var (
	errSilent = fmt.Errorf("it said nothing for %v", greetingTime)
	errEnded  = errors.New("it ended before")
)

// startError is a tender that did not start.
type startError struct {
	step  string // "mount proc"
	err   error
	state *os.ProcessState // how the tender ended, where it did so without a word
}

func (e *startError) Error() string {
	if e.state != nil {
		return fmt.Sprintf("start the tender: %s: %v: %v", e.step, e.err, e.state)
	}
	return fmt.Sprintf("start the tender: %s: %v", e.step, e.err)
}

func (e *startError) Unwrap() error { return e.err }

// signal is what ended the tender, 0 for none.
func (e *startError) signal() syscall.Signal {
	if e.state == nil {
		return 0
	}
	if w, ok := e.state.Sys().(syscall.WaitStatus); ok && w.Signaled() {
		return w.Signal()
	}
	return 0
}

// Steps that tell one cause from another.
const (
	stepProgram = "put its program into memory"
	stepFork    = "fork and execute it"
	stepMount   = "mount proc" // as csrc/tender/setup.c calls it
)

// architecture is the processor that the tender and the library OS are made for.
const architecture = "amd64"

// lackOfProcessor is the error of another processor; nil on x86-64.
func lackOfProcessor(goarch string) error {
	if goarch == architecture {
		return nil
	}
	return lacks("it needs an x86-64 processor; this one is "+goarch, "use another backend here")
}

func lacks(what, remedy string) *isolation.Unavailable {
	return &isolation.Unavailable{Backend: Backend, Lacks: what, Remedy: remedy}
}

// explain turns the failure of a start into what the host lacks. An end of ctx
// says nothing of the host and stays as it is.
func explain(err error, h hostFacts) error {
	var failed *startError
	if !errors.As(err, &failed) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	what, remedy := failed.cause(h)
	if what == "" {
		return lacks(err.Error(), remedy)
	}
	return lacks(what+": "+err.Error(), remedy)
}

// cause is what a failure comes from and how to mend it, as far as the host's
// settings tell.
func (e *startError) cause(h hostFacts) (what, remedy string) {
	if s := e.signal(); s != 0 {
		return ofSignal(s, h)
	}
	var errno syscall.Errno
	errors.As(e.err, &errno)
	switch errno {
	case syscall.ENOMEM:
		return ofMemory(h)
	case syscall.EAGAIN:
		return ofProcesses(h)
	case syscall.EMFILE, syscall.ENFILE:
		return "no further file may be opened", "ulimit -n 1048576 before the start (systemd: LimitNOFILE=infinity)"
	case syscall.ENOSPC:
		return "the limit of namespaces is met", h.namespaceRemedy()
	case syscall.EPERM, syscall.EACCES:
		return e.ofPermission(errno, h)
	case syscall.ENOSYS:
		return "the kernel, or a system call filter of this environment, lacks a call", "Linux 5.15 or later; " +
			withoutFilter
	}
	if errors.Is(e.err, errSilent) {
		return "the host is too busy, or something stopped the tender",
			"try again; look for a debugger or a frozen cgroup"
	}
	return "", "see the messages of the kernel (dmesg)"
}

const withoutFilter = "docker run --security-opt seccomp=unconfined (systemd: no SystemCallFilter=)"

func ofSignal(s syscall.Signal, h hostFacts) (what, remedy string) {
	switch {
	case s == syscall.SIGSYS:
		return "a system call filter of this environment kills the tender", withoutFilter
	case !h.reachesTender:
		return "this kernel gives a process too few addresses (user-mode Linux does)",
			"use a kernel with 47 bits of addresses, or another backend"
	case h.addressLimit != unlimited:
		return ofMemory(h)
	case s == syscall.SIGXCPU:
		return "the limit of processor time (RLIMIT_CPU) is met", "ulimit -t unlimited before the start"
	case s == syscall.SIGKILL:
		return "the tender was killed, by the kernel for want of memory or by another process",
			"see the messages of the kernel (dmesg)"
	}
	return "the tender crashes", "see the messages of the kernel (dmesg), and report it"
}

func ofMemory(h hostFacts) (what, remedy string) {
	switch {
	case h.addressLimit != unlimited:
		return fmt.Sprintf("a UC reserves 400 GB of addresses, and RLIMIT_AS is %d MB", h.addressLimit>>20),
			"ulimit -v unlimited before the start (systemd: LimitAS=infinity)"
	case h.overcommit == "2":
		return "a UC reserves 400 GB of addresses, which vm.overcommit_memory=2 counts as memory",
			"sysctl vm.overcommit_memory=0"
	}
	return "the host is out of memory", "end other processes, or give this environment more memory"
}

func ofProcesses(h hostFacts) (what, remedy string) {
	if h.tightest.Name == "" {
		return "the host lets this user start no further process",
			"end other processes, or raise RLIMIT_NPROC (ulimit -u), kernel.pid_max and pids.max"
	}
	return fmt.Sprintf("there may be no further process: %s is %d", h.tightest.Name, h.tightest.Max), h.tightest.Remedy
}

// ofPermission: the first setting that is known to forbid the step.
func (e *startError) ofPermission(errno syscall.Errno, h hostFacts) (what, remedy string) {
	switch {
	case e.step == stepProgram, e.step == stepFork && errno == syscall.EACCES:
		return "programs in memory may not be run", "sysctl vm.memfd_noexec=1"
	case h.apparmorUsers && h.uid != 0:
		return "AppArmor keeps users from user namespaces",
			"sysctl kernel.apparmor_restrict_unprivileged_userns=0, or run as root"
	case e.step == stepFork && h.clone == "0" && h.uid != 0:
		return "this user may not make user namespaces", "sysctl kernel.unprivileged_userns_clone=1, or run as root"
	case e.step == stepFork && h.chroot:
		return "the kernel makes no user namespaces below a changed root directory (chroot)",
			"pivot_root, or a mount namespace, instead of chroot"
	case e.step == stepMount && h.maskedProc:
		return "parts of /proc are hidden here, so no other may be mounted",
			"docker run --security-opt systempaths=unconfined"
	case e.step == stepFork && h.filtered:
		return "a system call filter of this environment forbids user namespaces", withoutFilter
	case h.profile != "":
		return "the AppArmor profile " + h.profile + " forbids it", "docker run --security-opt apparmor=unconfined"
	case h.filtered:
		return "a system call filter of this environment forbids it", withoutFilter
	case e.step == stepFork && h.uid != 0:
		return "this user may not make user namespaces",
			"run as root, or look for what forbids them (sysctl user.max_user_namespaces, SELinux)"
	}
	return "a security module may forbid it", "see the messages of the kernel (dmesg)"
}

// readingForbidden explains why a zygote may not read the memory of a UC.
func readingForbidden(errno syscall.Errno, scope string) error {
	const read = "no process may read the memory of another: "
	switch scope {
	case "3":
		return lacks(read+"kernel.yama.ptrace_scope is 3",
			"kernel.yama.ptrace_scope=1 (or 0, 2) in /etc/sysctl.d and a reboot: 3 stays until then")
	case "2":
		return lacks(read+"kernel.yama.ptrace_scope became 2 after the start",
			"start again, or sysctl kernel.yama.ptrace_scope=1")
	}
	return lacks(read+errno.Error(), "see the messages of the kernel (dmesg): a security module may forbid it")
}

func yamaScope() string { return oneLine("/proc/sys/kernel/yama/ptrace_scope") }
