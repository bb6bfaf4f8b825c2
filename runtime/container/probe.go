package container

import (
	"context"
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/lambdabench/lambdabench/runtime/cgroup"
	"github.com/lambdabench/lambdabench/runtime/proc"
)

// probe looks for facts of the host that prevent containers of an OCI runtime.
type probe struct {
	oci     oci
	network Network
}

func (p probe) lacks(what, remedy string) error { return p.oci.lacks(what, remedy) }

// host names the first fact that prevents containers.
func (p probe) host(ctx context.Context) error {
	if _, err := p.oci.find(); err != nil {
		return err
	}
	if _, err := findInit(); err != nil {
		return p.lacks("there is no init for containers", "apt-get install tini")
	}
	if firstLine("/proc/sys/user/max_user_namespaces") == "0" {
		return p.lacks("user namespaces are turned off", "sysctl user.max_user_namespaces=10000")
	}
	if !hasFilesystem("overlay") && os.Geteuid() == 0 {
		return p.lacks("the kernel has no overlay file system", "modprobe overlay")
	}
	if os.Geteuid() == 0 {
		return p.root()
	}
	return p.user(ctx)
}

func (p probe) root() error {
	switch {
	case !proc.HasCapability(unix.CAP_SYS_ADMIN):
		return p.lacks("root without CAP_SYS_ADMIN can mount nothing",
			"give this environment CAP_SYS_ADMIN (docker: --privileged)")
	case p.network == NetworkBridge && !proc.HasCapability(unix.CAP_NET_ADMIN):
		return p.lacks("root without CAP_NET_ADMIN can make no bridge",
			"give this environment CAP_NET_ADMIN, or use --"+NetworkFlag+" none or host")
	}
	return nil
}

func (p probe) user(ctx context.Context) error {
	switch {
	case p.network == NetworkBridge:
		return p.lacks("only root can make a bridge", "run as root, or use --"+NetworkFlag+" none or host")
	case p.oci.family == "crun" && cgroup.Mode() == "hybrid":
		return p.lacks("crun refuses hybrid cgroups unless the version 2 mount is hidden from it, "+
			"which only root can do",
			"run as root, use runc, or boot with systemd.unified_cgroup_hierarchy=1")
	}
	if err := tryNamespaces(ctx); err != nil {
		return p.forbidden(err)
	}
	return nil
}

// forbidden says what keeps this user from namespaces that were tried in vain,
// and how to permit them. The settings are the kernel's own and those of Debian,
// Ubuntu and Docker.
func (p probe) forbidden(tried error) error {
	switch {
	case firstLine("/proc/sys/user/max_user_namespaces") == "0":
		return p.lacks("user namespaces are turned off", "sysctl user.max_user_namespaces=10000")
	case firstLine("/proc/sys/kernel/unprivileged_userns_clone") == "0":
		return p.lacks("only root can make user namespaces",
			"sysctl kernel.unprivileged_userns_clone=1, or run as root")
	case firstLine("/proc/sys/kernel/apparmor_restrict_unprivileged_userns") == "1":
		return p.lacks("AppArmor keeps users from user namespaces",
			"sysctl kernel.apparmor_restrict_unprivileged_userns=0, or run as root")
	case filtered():
		return p.lacks(fmt.Sprintf("this environment forbids user namespaces or mounts in them: %v", tried),
			"docker: --security-opt seccomp=unconfined --security-opt apparmor=unconfined "+
				"--security-opt systempaths=unconfined")
	}
	return p.lacks(fmt.Sprintf("no user namespace with mounts can be made: %v", tried), "run as root")
}

// hasFilesystem also takes a file system that is a module: mounting it loads it.
func hasFilesystem(name string) bool {
	b, err := os.ReadFile("/proc/filesystems")
	if err != nil || strings.Contains(string(b), "\t"+name+"\n") {
		return true
	}
	var u unix.Utsname
	if unix.Uname(&u) != nil {
		return false
	}
	_, err = os.Stat("/lib/modules/" + unix.ByteSliceToString(u.Release[:]) + "/kernel/fs/" + name + "fs")
	return err == nil
}
