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

const namespaceFlags = syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS | syscall.CLONE_NEWPID | syscall.CLONE_NEWIPC |
	syscall.CLONE_NEWUTS

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

// filtered tells whether this process has a system call filter (proc(5) status,
// Seccomp): a container's, most likely.
func filtered() bool {
	b, _ := os.ReadFile("/proc/self/status")
	return strings.Contains(string(b), "\nSeccomp:\t2\n")
}

// firstLine of a file; empty if it cannot be read.
func firstLine(path string) string {
	b, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	line, _, _ := strings.Cut(string(b), "\n")
	return line
}
