package container

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// tryNamespaces makes what a container of an ordinary user is made of: a user
// namespace with others below it, and mounts in it.
func tryNamespaces(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	// Go leaks the pipe for the mappings where the clone fails: first without.
	if err := tryScript(ctx, ":", &syscall.SysProcAttr{Cloneflags: namespaceFlags}); err != nil {
		return err
	}
	return tryScript(ctx, "mount -t tmpfs none /tmp && mount -t proc none /proc", &syscall.SysProcAttr{
		Cloneflags:  namespaceFlags,
		UidMappings: []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}},
	})
}

const namespaceFlags = syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS | syscall.CLONE_NEWPID | syscall.CLONE_NEWIPC | syscall.CLONE_NEWUTS

func tryScript(ctx context.Context, script string, attr *syscall.SysProcAttr) error {
	cmd := exec.CommandContext(ctx, "/bin/sh", "-c", script)
	cmd.Env = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin"}
	cmd.WaitDelay = time.Second
	cmd.SysProcAttr = attr
	if out, err := cmd.CombinedOutput(); err != nil {
		return errors.New(strings.TrimSpace(fmt.Sprintf("%v %s", err, out)))
	}
	return nil
}

// forbidden says what keeps this user from namespaces that were tried in vain,
// and how to permit them. The settings are the kernel's own and those of Debian,
// Ubuntu and Docker.
func (b *Backend) forbidden(tried error) error {
	switch {
	case firstLine("/proc/sys/user/max_user_namespaces") == "0":
		return b.lacks("user namespaces are turned off", "sysctl user.max_user_namespaces=10000")
	case firstLine("/proc/sys/kernel/unprivileged_userns_clone") == "0":
		return b.lacks("only root can make user namespaces", "sysctl kernel.unprivileged_userns_clone=1, or run as root")
	case firstLine("/proc/sys/kernel/apparmor_restrict_unprivileged_userns") == "1":
		return b.lacks("AppArmor keeps users from user namespaces", "sysctl kernel.apparmor_restrict_unprivileged_userns=0, or run as root")
	case filtered():
		return b.lacks(fmt.Sprintf("this environment forbids user namespaces or mounts in them: %v", tried),
			"docker: --security-opt seccomp=unconfined --security-opt apparmor=unconfined --security-opt systempaths=unconfined")
	}
	return b.lacks(fmt.Sprintf("no user namespace with mounts can be made: %v", tried), "run as root")
}

// filtered tells whether this process has a system call filter (proc(5) status,
// Seccomp): a container's, most likely.
func filtered() bool {
	b, _ := os.ReadFile("/proc/self/status")
	return strings.Contains(string(b), "\nSeccomp:\t2\n")
}
