package process

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
)

// namespaces are those of a sandbox whose platform is not root. Its first
// process is root in them, as mount(8) demands; the function is not.
func namespaces(view bool) *syscall.SysProcAttr {
	attr := &syscall.SysProcAttr{Setsid: true, Pdeathsig: syscall.SIGKILL}
	uid, gid := os.Getuid(), os.Getgid()
	inside, group := uid, gid
	attr.Cloneflags = syscall.CLONE_NEWUSER | syscall.CLONE_NEWPID
	if view {
		attr.Cloneflags |= syscall.CLONE_NEWNS
		inside, group = 0, 0
	}
	attr.UidMappings = []syscall.SysProcIDMap{{ContainerID: inside, HostID: uid, Size: 1}}
	attr.GidMappings = []syscall.SysProcIDMap{{ContainerID: group, HostID: gid, Size: 1}}
	return attr
}

// becomeOwn takes the function back to the platform's user, in a user namespace
// of its own: it then has no capability over the sandbox's mounts.
func becomeOwn() string {
	return fmt.Sprintf("unshare --user --map-user=%d --map-group=%d ", os.Getuid(), os.Getgid())
}

// namespacesPermitted tries what a namespaced sandbox needs.
func namespacesPermitted() bool {
	cmd := exec.Command("/bin/sh", "-c", ":")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWUSER | syscall.CLONE_NEWPID}
	return cmd.Run() == nil
}

// namespaceRemedy is what permits user namespaces: the settings that keep a user
// from making them where the host has these, else those of a container.
func namespaceRemedy(sysctls string) string {
	for _, s := range []struct{ name, forbids, permits string }{
		{"kernel.unprivileged_userns_clone", "0", "1"},
		{"kernel.apparmor_restrict_unprivileged_userns", "1", "0"},
		{"user.max_user_namespaces", "0", "15000"},
	} {
		text, err := os.ReadFile(filepath.Join(sysctls, strings.ReplaceAll(s.name, ".", "/")))
		if err == nil && strings.TrimSpace(string(text)) == s.forbids {
			return "sysctl " + s.name + "=" + s.permits + ", or run as root"
		}
	}
	return "run as root, or permit user namespaces " +
		"(docker: --security-opt seccomp=unconfined --security-opt apparmor=unconfined)"
}
