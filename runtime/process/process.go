// Package process is the plainest backend: a sandbox is a Linux process of its
// own in a process group of its own, with a clean environment and resource
// limits. It is what the paper calls 'Linux process', the baseline: it limits
// and cleans up, and hides nothing of the host's files or network.
//
//	b := process.New(process.Config{})
//	defer b.Close()
//	sb, err := b.Boot(ctx, runtime.BootSpec{Interpreter: node})
package process

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"

	"github.com/lambdabench/lambdabench/runtime"
	"github.com/lambdabench/lambdabench/runtime/driver"
)

// Config of the backend; the zero value works.
type Config struct {
	Dir string // for driver files and work directories; a temporary one by default
}

// Backend runs every sandbox as a process group of its own.
type Backend struct {
	cfg  Config
	once sync.Once
	dir  string
	err  error

	mu   sync.Mutex
	live map[*sandbox]struct{}
}

// New returns the backend. Nothing is touched before the first Boot.
func New(cfg Config) *Backend { return &Backend{cfg: cfg, live: map[*sandbox]struct{}{}} }

// Name is "process".
func (b *Backend) Name() string { return "process" }

// Probe reports whether an interpreter is installed.
func (b *Backend) Probe(ctx context.Context) error {
	if len(runtime.Interpreters(ctx)) == 0 {
		return &runtime.Unavailable{Backend: b.Name(), Lacks: "neither Node.js 18+ nor CPython 3.11+ is installed", Remedy: "apt-get install nodejs python3"}
	}
	return nil
}

// prepare writes the drivers to the backend's directory, once.
func (b *Backend) prepare() error {
	b.once.Do(func() {
		if b.dir, b.err = os.MkdirTemp(b.cfg.Dir, "lambdabench-process-"); b.err != nil {
			return
		}
		for _, lang := range []runtime.Language{runtime.NodeJS, runtime.Python} {
			name, src, err := driver.Source(lang)
			if err == nil {
				err = os.WriteFile(filepath.Join(b.dir, name), src, 0o644)
			}
			b.err = errors.Join(b.err, err)
		}
	})
	return b.err
}

// Boot implements runtime.Backend.
func (b *Backend) Boot(ctx context.Context, spec runtime.BootSpec) (runtime.Sandbox, error) {
	if err := b.prepare(); err != nil {
		return nil, fmt.Errorf("prepare process backend: %w", err)
	}
	name, _, err := driver.Source(spec.Interpreter.Language)
	if err != nil {
		return nil, err
	}
	conn, child, err := socketPair()
	if err != nil {
		return nil, fmt.Errorf("boot %s: %w", spec.Interpreter.Runtime, err)
	}
	defer child.Close()
	cmd := exec.Command(spec.Interpreter.Path, driver.Args(spec.Interpreter.Language, filepath.Join(b.dir, name))...)
	cmd.Env = []string{"PATH=/usr/local/bin:/usr/bin:/bin", "HOME=/tmp", "LANG=C.UTF-8", "TMPDIR=/tmp"}
	cmd.Dir = "/"
	cmd.ExtraFiles = []*os.File{child}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		conn.Close()
		return nil, fmt.Errorf("boot %s: %w", spec.Interpreter.Runtime, err)
	}
	sb := &sandbox{backend: b, cmd: cmd, conn: conn, gone: make(chan struct{})}
	go sb.reap()
	if sb.session, _, err = driver.Open(ctx, conn); err == nil && len(spec.Prepare) > 0 {
		err = sb.session.Prepare(ctx, spec.Prepare)
	}
	if err != nil {
		sb.Close()
		return nil, fmt.Errorf("boot %s: %w", spec.Interpreter.Runtime, err)
	}
	b.mu.Lock()
	b.live[sb] = struct{}{}
	b.mu.Unlock()
	return sb, nil
}

// Close implements runtime.Backend.
func (b *Backend) Close() error {
	b.mu.Lock()
	var all []io.Closer
	for sb := range b.live {
		all = append(all, sb)
	}
	b.mu.Unlock()
	for _, sb := range all {
		sb.Close()
	}
	if b.dir == "" {
		return nil
	}
	return os.RemoveAll(b.dir)
}

// socketPair makes the channel: our end with Go's poller, the child's blocking.
func socketPair() (net.Conn, *os.File, error) {
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("socketpair: %w", err)
	}
	ours, theirs := os.NewFile(uintptr(fds[0]), "channel"), os.NewFile(uintptr(fds[1]), "channel")
	conn, err := net.FileConn(ours)
	ours.Close()
	if err != nil {
		theirs.Close()
		return nil, nil, err
	}
	return conn, theirs, nil
}
