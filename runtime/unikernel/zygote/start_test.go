package zygote

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/lambdabench/lambdabench/runtime/isolation"
	"github.com/lambdabench/lambdabench/runtime/runtimetest"
)

// startEnv makes the test binary a process that puts itself under the named
// fault, starts a tender and prints what became of it.
const startEnv = "UNIKERNEL_TEST_START"

// Outcomes that startUnder prints, followed by an error.
const (
	started    = "started"
	notStarted = "not started: "
	notTried   = "not tried: "
)

// faults put the process that starts a tender in a bad place.
var faults = map[string]func() error{
	"none":             func() error { return nil },
	"descriptors":      func() error { return nil }, // startWithDescriptors
	"address space":    lowerAddressLimit,
	"processes":        func() error { return lower(unix.RLIMIT_NPROC, 1) },
	"fsopen kills":     func() error { return filterCall(unix.SYS_FSOPEN, seccompKill) },
	"fsopen forbidden": func() error { return filterCall(unix.SYS_FSOPEN, seccompErrno|uint32(unix.EPERM)) },
	"clone forbidden":  func() error { return filterCall(unix.SYS_CLONE, seccompErrno|uint32(unix.EPERM)) },
}

func startUnder(fault string) {
	if fault == "descriptors" {
		fmt.Println(startWithDescriptors())
		return
	}
	ctx := context.Background()
	if r, err := Start(ctx, nil); err != nil {
		fmt.Println(notTried + err.Error())
		return
	} else {
		r.Stop()
	}
	if err := faults[fault](); err != nil {
		fmt.Println(notTried + err.Error())
		return
	}
	r, err := Start(ctx, nil)
	raise(unix.RLIMIT_NPROC)
	if err != nil {
		fmt.Println(notStarted + err.Error())
		return
	}
	r.Stop()
	fmt.Println(started)
}

func lower(resource int, to uint64) error {
	var l unix.Rlimit
	if err := unix.Getrlimit(resource, &l); err != nil {
		return err
	}
	l.Cur = to
	return unix.Setrlimit(resource, &l)
}

func raise(resource int) {
	var l unix.Rlimit
	if unix.Getrlimit(resource, &l) == nil {
		l.Cur = l.Max
		unix.Setrlimit(resource, &l)
	}
}

// lowerAddressLimit leaves this process room, and a UC none.
func lowerAddressLimit() error {
	var pages uint64
	if _, err := fmt.Sscan(contents("/proc/self/statm"), &pages); err != nil {
		return err
	}
	return lower(unix.RLIMIT_AS, pages*uint64(os.Getpagesize())+4<<30)
}

// startWithDescriptors starts a tender with each of the lowest descriptors free, alone and
// with those above.
func startWithDescriptors() string {
	const lowest, highest = 3, 12
	for first := lowest; first < highest; first++ {
		for last := first; last < highest; last++ {
			if err := occupy(lowest, 64); err != nil {
				return notTried + err.Error()
			}
			for fd := first; fd <= last; fd++ {
				unix.Close(fd)
			}
			r, err := Start(context.Background(), nil)
			if err != nil {
				return fmt.Sprintf("%swith descriptors %d to %d free: %v", notStarted, first, last, err)
			}
			r.Stop()
		}
	}
	return started
}

// occupy opens those descriptors of a range that are free.
func occupy(from, to int) error {
	for {
		fd, err := unix.Open("/dev/null", unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if err != nil {
			return err
		}
		if fd >= to {
			return unix.Close(fd)
		}
	}
}

// TestMain also is what start runs.
func TestMain(m *testing.M) {
	if fault := os.Getenv(startEnv); fault != "" {
		startUnder(fault)
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// needTender skips the test on a host that can start no tender.
func needTender(t *testing.T) {
	t.Helper()
	r, err := Start(t.Context(), nil)
	if err != nil {
		t.Skip(err)
	}
	r.Stop()
}

// childrenOfThis is how many processes this one has as children.
func childrenOfThis(t *testing.T) int {
	t.Helper()
	files, err := filepath.Glob("/proc/self/task/*/children")
	if err != nil || len(files) == 0 {
		t.Skip("the kernel lists no children (CONFIG_PROC_CHILDREN)")
	}
	n := 0
	for _, file := range files {
		text, _ := os.ReadFile(file) // a thread may have ended
		n += len(strings.Fields(string(text)))
	}
	return n
}

// start runs startUnder in a process of its own. For an ordinary user the test
// binary is executed by its descriptor: the directory that it lies in is the
// owner's alone.
func start(t *testing.T, fault string, uid int) string {
	t.Helper()
	self, err := os.Open("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	defer self.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute) // an emulated host takes its time
	defer cancel()
	cmd := exec.CommandContext(ctx, "/proc/self/fd/3")
	cmd.ExtraFiles = []*os.File{self}
	cmd.Env = append(os.Environ(), startEnv+"="+fault)
	cmd.Dir = "/"
	if uid != 0 {
		if os.Getuid() != 0 {
			t.Skip("to become another user takes root")
		}
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(uid)}}
	}
	out, err := cmd.CombinedOutput()
	said := strings.TrimSpace(string(out))
	if err != nil {
		t.Fatalf("%v; it says %s", err, said)
	}
	if why, not := strings.CutPrefix(said, notTried); not {
		t.Skip(why)
	}
	return said
}

func TestTenderStartsWhicheverDescriptorsAreFree(t *testing.T) {
	if said := start(t, "descriptors", 0); said != started {
		t.Error(said)
	}
}

func TestStartThatTheHostForbidsNamesTheCauseAndItsRemedy(t *testing.T) {
	const somebody = 54321
	for _, c := range []struct {
		fault string
		uid   int
		want  []string
	}{
		{"none", 0, nil},
		{"none", somebody, nil},
		{"address space", 0, []string{"RLIMIT_AS", "ulimit -v unlimited"}},
		{"processes", somebody, []string{"RLIMIT_NPROC is 1", "ulimit -u"}},
		{"fsopen kills", 0, []string{"system call filter", "seccomp=unconfined"}},
		{"fsopen forbidden", 0, []string{"system call filter", "mount proc", "seccomp=unconfined"}},
		{"clone forbidden", 0, []string{"system call filter", "user namespaces", "seccomp=unconfined"}},
	} {
		t.Run(fmt.Sprint(c.fault, " as ", c.uid), func(t *testing.T) {
			said := start(t, c.fault, c.uid)
			if c.want == nil && said != started {
				t.Fatal(said)
			}
			for _, part := range c.want {
				if !strings.HasPrefix(said, notStarted) || !strings.Contains(said, part) {
					t.Errorf("no %q in: %s", part, said)
				}
			}
		})
	}
}

// program is an executable of a few instructions at the tender's address.
func program(t *testing.T, code ...byte) []byte {
	t.Helper()
	const at, head = 0x400000, 64 + 56
	var b bytes.Buffer
	b.Write([]byte{0x7f, 'E', 'L', 'F', 2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0})
	for _, v := range []any{ // Elf64_Ehdr, Elf64_Phdr
		uint16(2), uint16(62), uint32(1), uint64(at + head), uint64(64), uint64(0), uint32(0), uint16(64), uint16(56),
		uint16(1), uint16(0), uint16(0), uint16(0),
		uint32(1), uint32(5), uint64(0), uint64(at), uint64(at), uint64(head + len(code)), uint64(head + len(code)),
		uint64(4096),
	} {
		if err := binary.Write(&b, le, v); err != nil {
			t.Fatal(err)
		}
	}
	return append(b.Bytes(), code...)
}

var (
	crash  = []byte{0x0f, 0x0b}                                 // ud2
	finish = []byte{0xb8, 60, 0, 0, 0, 0xbf, 7, 0, 0, 0, 15, 5} // exit(7)
	pause  = []byte{0xb8, 34, 0, 0, 0, 0x0f, 0x05, 0xeb, 0xf7}  // pause(), again and again
)

func TestTenderThatDiesBeforeItsFirstWordIsAnErrorAtOnce(t *testing.T) {
	needTender(t)
	for want, code := range map[string][]byte{"illegal instruction": crash, "exit status 7": finish} {
		_, err := startProgram(t.Context(), program(t, code...), nil)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

func TestWaitForASilentTenderEndsWithItsContext(t *testing.T) {
	needTender(t)
	ctx, cancel := context.WithCancel(t.Context())
	before := childrenOfThis(t)
	failed := make(chan error, 1)
	go func() {
		_, err := startProgram(ctx, program(t, pause...), nil)
		failed <- err
	}()
	runtimetest.Eventually(t, "the silent program runs", func() bool { return childrenOfThis(t) > before })
	cancel()
	select {
	case err := <-failed:
		if !errors.Is(err, context.Canceled) {
			t.Errorf("error %v", err)
		}
	case <-time.After(greetingTime / 2):
		t.Fatal("the start goes on after its context")
	}
	runtimetest.Eventually(t, "the silent program's end", func() bool { return childrenOfThis(t) == before })
}

// lack is what a failure is explained as.
func lack(t *testing.T, err error, h hostFacts) *isolation.Unavailable {
	t.Helper()
	var u *isolation.Unavailable
	if !errors.As(explain(err, h), &u) {
		t.Fatalf("%v is not explained", err)
	}
	return u
}

func TestCauseOfAFailedStartIsReadFromTheHostsSettings(t *testing.T) {
	plain := hostFacts{uid: 1000, addressLimit: unlimited, reachesTender: true, overcommit: "0"}
	for _, c := range []struct {
		name         string
		step         string
		err          error
		change       func(*hostFacts)
		what, remedy string
	}{
		{"strict overcommit", "map the region", unix.ENOMEM, func(h *hostFacts) {
			h.overcommit = "2"
		}, "vm.overcommit_memory=2", "vm.overcommit_memory=0"},
		{"no memory", "map the region", unix.ENOMEM, nil, "out of memory", "memory"},
		{"no user namespaces", stepFork, unix.ENOSPC, func(h *hostFacts) {
			h.namespaces = "max_net_namespaces"
		}, "namespaces", "user.max_net_namespaces=15000"},
		{"Debian's switch", stepFork, unix.EPERM, func(h *hostFacts) {
			h.clone = "0"
		}, "user namespaces", "unprivileged_userns_clone=1"},
		{"Ubuntu's switch", "make mounts private", unix.EACCES, func(h *hostFacts) {
			h.apparmorUsers = true
		}, "AppArmor", "apparmor_restrict_unprivileged_userns=0"},
		{"docker's filter", stepFork, unix.EPERM, func(h *hostFacts) {
			h.uid, h.filtered = 0, true
		}, "system call filter", "seccomp=unconfined"},
		{"docker's profile", "make mounts private", unix.EACCES, func(h *hostFacts) {
			h.profile = "docker-default"
		}, "docker-default", "apparmor=unconfined"},
		{"docker's masked /proc", stepMount, unix.EPERM, func(h *hostFacts) {
			h.maskedProc = true
		}, "/proc", "systempaths=unconfined"},
		{"chroot", stepFork, unix.EPERM, func(h *hostFacts) { h.chroot = true }, "chroot", "pivot_root"},
		{"no programs in memory", stepProgram, unix.EACCES, nil, "memory may not be run", "vm.memfd_noexec"},
		{"silence", "wait", errSilent, nil, "busy", "try again"},
		{"descriptors", stepProgram, unix.EMFILE, nil, "file", "ulimit -n"},
	} {
		h := plain
		if c.change != nil {
			c.change(&h)
		}
		u := lack(t, &startError{step: c.step, err: c.err}, h)
		if !strings.Contains(u.Lacks, c.what) || !strings.Contains(u.Lacks, c.step) ||
			!strings.Contains(u.Remedy, c.remedy) {
			t.Errorf("%s: %v", c.name, u)
		}
	}
}

func TestEndOfAContextSaysNothingOfTheHost(t *testing.T) {
	err := explain(&startError{step: "wait", err: context.Canceled}, hostFacts{})
	var u *isolation.Unavailable
	if errors.As(err, &u) || !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

func TestAnotherProcessorIsNamed(t *testing.T) {
	if err := lackOfProcessor("arm64"); err == nil || !strings.Contains(err.Error(), "needs an x86-64 processor") {
		t.Error(err)
	}
	if err := lackOfProcessor("amd64"); err != nil {
		t.Error(err)
	}
}

func TestAddressesOfTheTenderAreAskedOfTheKernel(t *testing.T) {
	if addressable(1 << 62) {
		t.Error("an address beyond every x86-64 process is given")
	}
	if !addressable(uint64(os.Getpagesize()) * 4096) {
		t.Log("the page at 16 MB is not given")
	}
}

func TestMountsTellAChrootAndAMaskedProc(t *testing.T) {
	const root, proc, masked = "1 0 8:1 / / rw - ext4 /dev/sda rw\n", "2 1 0:4 / /proc rw - proc proc rw\n",
		"3 2 0:5 / /proc/kcore rw - tmpfs tmpfs rw\n"
	for _, c := range []struct {
		text           string
		chroot, masked bool
	}{{root + proc, false, false}, {proc, true, false}, {root + proc + masked, false, true}, {"", false, false}} {
		if chroot, masked := mountFacts(c.text); chroot != c.chroot || masked != c.masked {
			t.Errorf("%q: chroot %v, masked %v", c.text, chroot, masked)
		}
	}
}

func TestReadThatIsForbiddenNamesYamasScope(t *testing.T) {
	for scope, want := range map[string]string{"3": "reboot", "2": "ptrace_scope=1", "1": "security module",
		"": "security module"} {
		var u *isolation.Unavailable
		err := readingForbidden(syscall.EPERM, scope)
		if !errors.As(err, &u) || !strings.Contains(u.Error(), want) {
			t.Errorf("scope %q: %v", scope, err)
		}
	}
}
