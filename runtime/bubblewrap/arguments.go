package bubblewrap

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/lambdabench/lambdabench/runtime/driver"
)

const (
	runtimeRoot = "/var/runtime" // of the driver, as on AWS Lambda
	home        = "/tmp"
	sizeOfTmp   = 512 << 20 // AWS Lambda's /tmp
	nobody      = 65534     // runs functions where the platform is root
)

// Descriptors of bwrap: exec.Cmd.ExtraFiles in this order. The first is
// inherited by the interpreter.
const (
	channelFD = driver.ChannelFD + iota
	infoFD    // bwrap writes the id of the sandbox's first process there
	sourceFD  // bwrap reads the driver's source there
)

// systemDirs are what a sandbox sees of the host, where the host has them.
var systemDirs = []string{
	"/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/etc", "/opt", "/nix", "/gnu",
}

// attributes start bwrap as a user without rights, for whom bwrap makes a user
// namespace.
func attributes() *syscall.SysProcAttr {
	attr := &syscall.SysProcAttr{Setsid: true}
	if os.Geteuid() == 0 {
		attr.Credential = &syscall.Credential{Uid: nobody, Gid: nobody}
	}
	return attr
}

// fileSystem are the arguments that make the namespaces and the files of a
// sandbox whose interpreter lies at a path of the host.
func fileSystem(interpreter string) []string {
	args := []string{
		"--unshare-all", "--die-with-parent", "--new-session", "--cap-drop", "ALL",
		"--proc", "/proc", "--dev", "/dev",
		"--perms", "1777", "--size", fmt.Sprint(sizeOfTmp), "--tmpfs", home,
		"--perms", "1777", "--size", fmt.Sprint(sizeOfTmp), "--tmpfs", "/var/tmp",
		"--perms", "1777", "--tmpfs", "/dev/shm",
		"--dir", driver.TaskRoot + "/lib", // before the interpreter starts: see driver.LibraryPath
	}
	seen := false
	for _, dir := range systemDirs {
		seen = seen || strings.HasPrefix(interpreter, dir+"/")
		if target, err := os.Readlink(dir); err == nil {
			args = append(args, "--symlink", target, dir)
		} else {
			args = append(args, "--ro-bind-try", dir, dir)
		}
	}
	if !seen { // a version manager's: bin and lib lie side by side
		prefix := filepath.Dir(filepath.Dir(interpreter))
		args = append(args, "--ro-bind", prefix, prefix)
	}
	return args
}

// The shell drops what bwrap adds to the environment and becomes the interpreter.
const becomeScript = `ulimit -c 0; ulimit -n 1024; unset PWD OLDPWD; exec "$@"`

// withDriver are the further arguments: the driver's file, and the command.
func withDriver(file, interpreter string, args []string) []string {
	file = runtimeRoot + "/" + file
	all := []string{
		"--perms", "0444", "--ro-bind-data", fmt.Sprint(sourceFD), file,
		"--info-fd", fmt.Sprint(infoFD), "--chdir", home,
		"--", "/bin/sh", "-c", becomeScript, "sh", interpreter,
	}
	return append(all, args...)
}
