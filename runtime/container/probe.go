package container

import (
	"context"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/lambdabench/lambdabench/runtime/cgroup"
	"github.com/lambdabench/lambdabench/runtime/isolation"
)

// Probe names the first fact of this host that prevents containers.
func (b *Backend) Probe(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return b.probeHost(ctx)
}

func (b *Backend) lacks(what, remedy string) error {
	return &isolation.Unavailable{Backend: b.Name(), Lacks: what, Remedy: remedy}
}

func (b *Backend) probeHost(ctx context.Context) error {
	if _, err := b.oci.find(); err != nil {
		return err
	}
	if _, err := findInit(); err != nil {
		return b.lacks("there is no init for containers", "apt-get install tini")
	}
	if firstLine("/proc/sys/user/max_user_namespaces") == "0" {
		return b.lacks("user namespaces are turned off", "sysctl user.max_user_namespaces=10000")
	}
	if !hasFilesystem("overlay") && os.Geteuid() == 0 {
		return b.lacks("the kernel has no overlay file system", "modprobe overlay")
	}
	if os.Geteuid() == 0 {
		return b.probeRoot()
	}
	return b.probeUser(ctx)
}

func (b *Backend) probeRoot() error {
	switch {
	case !hasCapability(unix.CAP_SYS_ADMIN):
		return b.lacks("root without CAP_SYS_ADMIN can mount nothing", "give this environment CAP_SYS_ADMIN (docker: --privileged)")
	case b.cfg.Network == NetworkBridge && !hasCapability(unix.CAP_NET_ADMIN):
		return b.lacks("root without CAP_NET_ADMIN can make no bridge", "give this environment CAP_NET_ADMIN, or use --"+NetworkFlag+" none or host")
	}
	return nil
}

func (b *Backend) probeUser(ctx context.Context) error {
	switch {
	case b.cfg.Network == NetworkBridge:
		return b.lacks("only root can make a bridge", "run as root, or use --"+NetworkFlag+" none or host")
	case b.oci.family == "crun" && cgroup.Mode() == "hybrid":
		return b.lacks("crun refuses hybrid cgroups unless the version 2 mount is hidden from it, which only root can do",
			"run as root, use runc, or boot with systemd.unified_cgroup_hierarchy=1")
	}
	if err := tryNamespaces(ctx); err != nil {
		return b.forbidden(err)
	}
	return nil
}

func firstLine(path string) string {
	b, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	line, _, _ := strings.Cut(string(b), "\n")
	return line
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

func hasCapability(c int) bool {
	h := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	return unix.Capget(&h, &data[0]) == nil && data[c/32].Effective&(1<<(c%32)) != 0
}
