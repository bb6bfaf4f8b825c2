package container

import (
	"strconv"

	"github.com/moby/profiles/seccomp"
	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/lambdabench/lambdabench/runtime/container/image"
	"github.com/lambdabench/lambdabench/runtime/driver"
	"github.com/lambdabench/lambdabench/runtime/isolation"
)

// logFD is the descriptor on which a container's driver finds its log.
const logFD = 4

// environment is what the driver starts with; the function's own comes with
// Import.
func environment(spec isolation.BootSpec) []string {
	env := driver.Environment(spec, image.DriverDir, "/tmp", driver.TaskRoot)
	return append(env, driver.LogVariable+"="+strconv.Itoa(logFD))
}

// maskedPaths and readonlyPaths are Docker's (moby, oci/defaults.go).
var (
	maskedPaths = []string{
		"/proc/acpi", "/proc/asound", "/proc/interrupts", "/proc/kcore", "/proc/keys", "/proc/latency_stats",
		"/proc/sched_debug", "/proc/scsi", "/proc/timer_list", "/proc/timer_stats", "/sys/firmware",
	}
	readonlyPaths = []string{"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"}
)

// bundle is what differs from one container's specification to the next.
type bundle struct {
	rootfs    string
	command   []string
	env       []string
	network   Network
	netns     string // path of the network namespace; empty for a new one
	cgroup    string // empty for none
	root      uint32 // host user id of root in the container
	ids       uint32 // user ids from there
	overlayed bool   // rootfs can be written to
}

// specification writes the bundle as the OCI runtime specification has it.
func (b bundle) specification() (*specs.Spec, error) {
	s := &specs.Spec{
		Version:  "1.0.2",
		Hostname: "function",
		Root:     &specs.Root{Path: b.rootfs, Readonly: !b.overlayed},
		Process: &specs.Process{
			Args: b.command, Env: b.env, Cwd: "/",
			Capabilities: &specs.LinuxCapabilities{}, NoNewPrivileges: true,
			Rlimits: []specs.POSIXRlimit{{Type: "RLIMIT_CORE"}},
		},
		Mounts: b.mounts(),
		Linux: &specs.Linux{
			Namespaces: b.namespaces(), MaskedPaths: maskedPaths, ReadonlyPaths: readonlyPaths,
			UIDMappings: []specs.LinuxIDMapping{{HostID: b.root, Size: b.ids}},
			GIDMappings: []specs.LinuxIDMapping{{HostID: b.root, Size: b.ids}},
			CgroupsPath: b.cgroup,
		},
	}
	if b.cgroup != "" && b.overlayed { // in a single user's namespace no device can be opened anyway
		// No device but those that every container has; the limits are those
		// of the group around.
		s.Linux.Resources = &specs.LinuxResources{Devices: []specs.LinuxDeviceCgroup{{Access: "rwm"}}}
	}
	var err error
	s.Linux.Seccomp, err = seccomp.GetDefaultProfile(s)
	return s, err
}

func (b bundle) namespaces() []specs.LinuxNamespace {
	all := []specs.LinuxNamespace{
		{Type: specs.PIDNamespace}, {Type: specs.MountNamespace}, {Type: specs.IPCNamespace},
		{Type: specs.UTSNamespace}, {Type: specs.UserNamespace}, {Type: specs.CgroupNamespace},
	}
	if b.network != NetworkHost {
		all = append(all, specs.LinuxNamespace{Type: specs.NetworkNamespace, Path: b.netns})
	}
	return all
}

// mounts are all in memory but for /proc; what is written to them counts
// against the memory limit. Their sizes bound a container without one; that
// of /tmp is AWS Lambda's.
func (b bundle) mounts() []specs.Mount {
	memory := func(at string, options ...string) specs.Mount {
		return specs.Mount{Destination: at, Type: "tmpfs", Source: "tmpfs", Options: append(options, "nosuid", "nodev")}
	}
	all := []specs.Mount{
		{Destination: "/proc", Type: "proc", Source: "proc", Options: []string{"nosuid", "noexec", "nodev"}},
		{Destination: "/dev", Type: "tmpfs", Source: "tmpfs",
			Options: []string{"nosuid", "strictatime", "mode=755", "size=65536k"}},
		memory("/dev/shm", "mode=1777", "size=65536k", "noexec"),
		memory("/tmp", "mode=1777", "size=512m"),
	}
	if !b.overlayed {
		// The image's directories below come along.
		all = append(all, memory(driver.TaskRoot, "mode=755", "size=512m", "tmpcopyup"))
	}
	if b.network == NetworkHost {
		const file = "/etc/resolv.conf"
		all = append(all, specs.Mount{Destination: file, Type: "bind", Source: file, Options: []string{"bind", "ro"}})
	}
	return all
}
