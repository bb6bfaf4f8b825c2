package zygote

import (
	"math"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/lambdabench/lambdabench/runtime/unikernel/abi"
)

const unlimited = math.MaxUint64

// hostFacts are the settings of a host that keep a tender from starting. Only a
// start that failed looks at them: none of them alone says that it will fail.
type hostFacts struct {
	uid           int
	addressLimit  uint64       // RLIMIT_AS in bytes, or unlimited
	reachesTender bool         // a process has the addresses of the tender and the library OS
	overcommit    string       // vm.overcommit_memory
	clone         string       // kernel.unprivileged_userns_clone, Debian's
	apparmorUsers bool         // kernel.apparmor_restrict_unprivileged_userns, Ubuntu's
	profile       string       // AppArmor's of this process, "" where it is unconfined
	filtered      bool         // a seccomp filter binds this process
	chroot        bool         // its root directory is not the root of its mount namespace
	maskedProc    bool         // something is mounted over parts of /proc
	namespaces    string       // a user.max_*_namespaces that is 0
	tightest      ProcessLimit // of the limits of processes, the one that is nearest
}

func lookAtHost() hostFacts {
	h := hostFacts{
		uid: os.Getuid(), addressLimit: unlimited, reachesTender: addressable(abi.Tender),
		overcommit:    oneLine("/proc/sys/vm/overcommit_memory"),
		clone:         oneLine("/proc/sys/kernel/unprivileged_userns_clone"),
		apparmorUsers: oneLine("/proc/sys/kernel/apparmor_restrict_unprivileged_userns") == "1",
		filtered:      strings.Contains(contents("/proc/self/status"), "\nSeccomp:\t2\n"),
		profile:       apparmorProfile(oneLine("/proc/self/attr/apparmor/current")),
	}
	var l unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_AS, &l); err == nil {
		h.addressLimit = l.Cur
	}
	h.chroot, h.maskedProc = mountFacts(contents("/proc/self/mountinfo"))
	for _, kind := range []string{"user", "pid", "mnt", "ipc", "net", "uts"} {
		if name := "max_" + kind + "_namespaces"; oneLine("/proc/sys/user/"+name) == "0" {
			h.namespaces = name
			break
		}
	}
	h.tightest = tightest(ProcessLimits("/proc"), Tasks("/proc"))
	return h
}

// namespaceRemedy names the limit, where one is 0.
func (h hostFacts) namespaceRemedy() string {
	if h.namespaces == "" {
		return "sysctl user.max_user_namespaces=15000, or run as root"
	}
	return "sysctl user." + h.namespaces + "=15000"
}

// apparmorProfile is the name in /proc/PID/attr/current: "docker-default (enforce)".
func apparmorProfile(text string) string {
	name, mode, _ := strings.Cut(text, " ")
	if name == "unconfined" || mode == "(complain)" || mode == "(unconfined)" {
		return ""
	}
	return name
}

// mountFacts reads mountinfo (proc(5)): the fifth field of a line is the mount
// point, as this process sees it.
func mountFacts(text string) (chroot, maskedProc bool) {
	chroot = text != ""
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		switch {
		case len(f) < 5:
		case f[4] == "/":
			chroot = false
		case strings.HasPrefix(f[4], "/proc/") && f[4] != "/proc/sys/fs/binfmt_misc":
			maskedProc = true
		}
	}
	return chroot, maskedProc
}

func contents(path string) string {
	b, err := os.ReadFile(filepath.Clean(path))
	if err != nil {
		return "" // the host does not tell
	}
	return string(b)
}

func oneLine(path string) string {
	line, _, _ := strings.Cut(contents(path), "\n")
	return strings.TrimRight(line, "\x00")
}
