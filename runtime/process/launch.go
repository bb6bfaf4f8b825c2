package process

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"

	"github.com/lambdabench/lambdabench/runtime/driver"
	"github.com/lambdabench/lambdabench/runtime/isolation"
)

// The shell sets what a process may only lower for itself (prlimit(2) on
// another user's process takes CAP_SYS_RESOURCE, which root may lack) and
// becomes the interpreter. ulimit -f counts in 512 bytes.
const (
	limitScript = `ulimit -c 0; ulimit -f "$1"; ulimit -n 1024; shift; unset PWD OLDPWD; `

	becomeScript = limitScript + `exec "$@"`

	// After limitScript. As the first process of a pid namespace it stays: the kernel shields
	// that process from signals of its own namespace, a function would notice.
	stayScript = `"$@" 3<&3 & exec 3<&-; wait $!`
)

// launch starts the interpreter in a new sandbox.
func launch(h *shared, name string, spec isolation.BootSpec) (_ *sandbox, err error) {
	file, _, err := driver.Source(spec.Interpreter.Language)
	if err != nil {
		return nil, err
	}
	if h.users != nil && h.noView != nil && !open(spec.Interpreter.Path) {
		return nil, fmt.Errorf("unprivileged users cannot run %s: install it for all users, or run as an ordinary user",
			spec.Interpreter.Path)
	}
	sb := &sandbox{shared: h, name: name, gone: make(chan struct{})}
	defer func() {
		if err != nil {
			err = errors.Join(err, sb.release())
		}
	}()
	if h.noView == nil {
		sb.view = h.newView(spec.Interpreter.Path)
	}
	if err := sb.acquire(); err != nil {
		return nil, err
	}
	conn, child, err := driver.SocketPair()
	if err != nil {
		return nil, err
	}
	defer child.Close()
	sb.conn = conn
	out, w, err := driver.NewLogPipe()
	if err != nil {
		return nil, err
	}
	defer w.Close()
	sb.output = out

	own, drivers, task := sb.dir, filepath.Join(h.dir, "runtime"), sb.task
	if sb.view != nil {
		own, drivers, task = "/tmp", runtimeRoot, driver.TaskRoot
	}
	args := []string{"-c", sb.script(), "sh", fmt.Sprint(h.cfg.MaxFile / 512), spec.Interpreter.Path}
	args = append(args, driver.Args(spec.Interpreter.Language, filepath.Join(drivers, file))...)
	cmd := exec.Command("/bin/sh", args...)
	cmd.Env = driver.Environment(spec, drivers, own, task)
	cmd.Dir = own
	cmd.Stdout, cmd.Stderr = w, w
	cmd.ExtraFiles = []*os.File{child}
	cmd.SysProcAttr = sb.attributes()
	sb.cmd = cmd
	entered := sb.view // by the thread that starts it
	if sb.namespaced() {
		entered = nil
	}
	if err := h.spawner.start(cmd, sb.group, entered, sb.uid); err != nil {
		sb.cmd = nil
		return nil, err
	}
	go sb.reap()
	return sb, nil
}

// attributes are how the sandbox's first process is set apart.
func (s *sandbox) attributes() *syscall.SysProcAttr {
	if s.namespaced() {
		return namespaces(s.view != nil)
	}
	attr := &syscall.SysProcAttr{Setsid: true, Pdeathsig: syscall.SIGKILL}
	if s.uid != 0 {
		attr.Credential = &syscall.Credential{Uid: s.uid, Gid: s.uid}
	}
	return attr
}

// script is what the sandbox's first process does.
func (s *sandbox) script() string {
	switch {
	case !s.namespaced():
		return becomeScript
	case s.view == nil:
		return limitScript + stayScript
	}
	return s.view.script() + limitScript + becomeOwn() + stayScript
}

// acquire takes what the sandbox has on the host: a user, groups, a directory.
func (s *sandbox) acquire() (err error) {
	h := s.shared
	s.group = h.cgroups.Child(s.name)
	if err := s.group.Make(); err != nil {
		return err
	}
	if h.users != nil {
		if s.uid, err = h.users.acquire(); err != nil {
			return err
		}
	}
	dir := filepath.Join(h.dir, s.name)
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}
	s.dir = dir
	if s.view == nil {
		s.task = dir + ".task"
		if err := os.MkdirAll(s.task+"/lib", 0o755); err != nil {
			return err
		}
	}
	if s.uid != 0 {
		return os.Chown(dir, int(s.uid), int(s.uid))
	}
	return nil
}
