package container

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/lambdabench/lambdabench/runtime/isolation"
)

const (
	// endPatience is how long a shim has for what remains to be done when its
	// container has ended, or was told to: some tens of milliseconds of work.
	endPatience = 5 * time.Second

	// deletePatience bounds the OCI runtime's delete command.
	deletePatience = 10 * time.Second
)

// oci is an OCI runtime's command line. go-runc is no help here: its Run and
// Delete return when the command ends, and a command must fork on the
// workshop's thread and not occupy that thread until then.
type oci struct {
	family  string // "runc", "crun", "runsc"
	command string // what to look for, a name or a path
}

// gVisor is the family whose containers run on a kernel of their own, the sentry.
const gVisor = "runsc"

func newOCI(command string) oci { return oci{family: filepath.Base(command), command: command} }

// find resolves the command. sbin is where distributions put runc, and not on
// every user's PATH. run.sh --with builds runsc beside the command lambdabench.
func (o oci) find() (string, error) {
	if path, err := exec.LookPath(o.command); err == nil {
		return filepath.Abs(path)
	}
	if !strings.Contains(o.command, "/") {
		dirs := []string{"/usr/sbin", "/usr/local/sbin", "/usr/local/bin"}
		if self, err := os.Executable(); err == nil {
			dirs = append(dirs, filepath.Dir(self))
		}
		for _, dir := range dirs {
			if path, err := exec.LookPath(filepath.Join(dir, o.command)); err == nil {
				return path, nil
			}
		}
	}
	return "", o.lacks("no "+o.command+" on the PATH", o.remedy())
}

// name is that of the backend.
func (o oci) name() string { return "container/" + o.family }

func (o oci) lacks(what, remedy string) error {
	return &isolation.Unavailable{Backend: o.name(), Lacks: what, Remedy: remedy}
}

// inits are programs that can be a container's first process. All are called
// with "--" and the command.
var inits = []string{"tini-static", "tini", "docker-init", "/usr/libexec/docker/docker-init", "catatonit", "dumb-init"}

func findInit() (string, error) {
	for _, name := range inits {
		if path, err := exec.LookPath(name); err == nil {
			return filepath.EvalSymlinks(path)
		}
	}
	return "", fmt.Errorf("none of %s is installed", strings.Join(inits, ", "))
}

func (o oci) remedy() string {
	if o.family == gVisor {
		return "./run.sh --with gvisor"
	}
	return "apt-get install " + o.family
}

func (o oci) version(ctx context.Context) (string, error) {
	path, err := o.find()
	if err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, path, "--version").Output()
	if err != nil {
		return "", fmt.Errorf("ask %s for its version: %w", path, err)
	}
	first, _, _ := strings.Cut(string(out), "\n")
	return strings.Replace(strings.TrimSpace(first), " version ", " ", 1), nil
}

// run is the command that makes the container of a bundle, starts it, waits
// for its end, removes it, and ends as it did. The container's first process
// finds channel as descriptor 3, and log as logFD.
//
// No session keyring is made: a user id has a quota of 200, and Docker's
// seccomp profile keeps functions from keyrings anyway.
func (o oci) run(path, root, bundle, id string, network Network, channel, log *os.File) *exec.Cmd {
	var global []string
	own := []string{"--no-new-keyring", "--preserve-fds", "2"}
	if o.family == gVisor {
		net := map[Network]string{NetworkNone: "none", NetworkHost: "host", NetworkBridge: "sandbox"}[network]
		// The root file system is an overlay in memory already. One of gVisor's own
		// would keep a file in a layer that `runsc delete` no longer reaches.
		global = []string{"--network", net, "--overlay2", "none"}
		own = []string{"--pass-fd", "3:3", "--pass-fd", "4:4"}
	}
	args := slices.Concat(global, []string{"--root", root, "run"}, own,
		[]string{"--bundle", bundle, "--pid-file", pidFile(bundle)})
	cmd := exec.Command(path, append(args, id)...)
	cmd.Env = environmentOf(root)
	cmd.Dir = "/"
	cmd.ExtraFiles = []*os.File{channel, log}
	cmd.WaitDelay = endPatience
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // signals of a terminal are for the platform
	return cmd
}

// enforced are the limits that a container's group can have. A bound on tasks would
// hit the threads of the sentry, which needs some tens to start.
func (o oci) enforced(l isolation.Limits) isolation.Limits {
	if o.family == gVisor {
		l.Processes = 0
	}
	return l
}

// fit makes room for a whole log in the pipe that a container writes its log to.
// The sentry returns from write(2) with a part of the text where a pipe of the
// host is full, and CPython without buffers takes no second step (python3 -u).
func (o oci) fit(log *os.File) error {
	if o.family != gVisor {
		return nil
	}
	if _, err := unix.FcntlInt(log.Fd(), unix.F_SETPIPE_SZ, isolation.MaxLogBytes); err != nil {
		return fmt.Errorf("enlarge the log's pipe: %w", err)
	}
	return nil
}

// delete ends and removes a container of which the run command is no more.
func (o oci) delete(ctx context.Context, w *workshop, path, root, id string) error {
	cmd := exec.CommandContext(ctx, path, "--root", root, "delete", "--force", id)
	cmd.Env, cmd.Dir = environmentOf(root), "/"
	cmd.WaitDelay = time.Second
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := w.do(cmd.Start)
	if err == nil {
		err = cmd.Wait()
	}
	if err != nil {
		return fmt.Errorf("delete container %s: %w: %s", id, err, bytes.TrimSpace(out.Bytes()))
	}
	return nil
}

// environmentOf is what the OCI runtime's commands start with.
func environmentOf(root string) []string {
	path := "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
	return []string{"PATH=" + path, "XDG_RUNTIME_DIR=" + filepath.Dir(root)}
}

func pidFile(bundle string) string { return filepath.Join(bundle, "pid") }
