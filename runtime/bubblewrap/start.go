package bubblewrap

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"time"

	"golang.org/x/sys/unix"

	"github.com/lambdabench/lambdabench/runtime/driver"
	"github.com/lambdabench/lambdabench/runtime/isolation"
)

// start starts the interpreter in a new sandbox.
func (b *Backend) start(ctx context.Context, name string, spec isolation.BootSpec) (_ *sandbox, err error) {
	in := spec.Interpreter
	file, source, err := driver.Source(in.Language)
	if err != nil {
		return nil, err
	}
	program, err := b.lookUp()
	if err != nil {
		return nil, err
	}
	args := append(fileSystem(in.Path), withDriver(file, in.Path, driver.Args(in.Language, runtimeRoot+"/"+file))...)
	cmd := exec.Command(program, args...)
	cmd.Env = driver.Environment(spec, runtimeRoot, home, driver.TaskRoot)
	cmd.Dir = "/"
	cmd.SysProcAttr = attributes()

	sb := &sandbox{backend: b, cmd: cmd, group: b.groups.Child(name), gone: make(chan struct{})}
	defer func() {
		if err != nil {
			err = errors.Join(err, sb.release())
		}
	}()
	if err := sb.group.Make(); err != nil {
		return nil, err
	}
	conn, child, err := driver.SocketPair()
	if err != nil {
		return nil, err
	}
	defer child.Close()
	sb.conn = conn
	output, w, err := driver.NewLogPipe()
	if err != nil {
		return nil, err
	}
	defer w.Close()
	sb.output = output
	info, infoW, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer info.Close()
	defer infoW.Close()
	text, err := inMemory(file, source)
	if err != nil {
		return nil, err
	}
	defer text.Close()

	cmd.Stdout, cmd.Stderr = w, w
	cmd.ExtraFiles = []*os.File{child, infoW, text} // channelFD, infoFD, sourceFD
	if err := b.thread.do(func() error { return sb.group.Start(cmd.SysProcAttr, cmd.Start) }); err != nil {
		return nil, err
	}
	infoW.Close()
	w.Close()
	if err := sb.find(ctx, info); err != nil {
		err = fmt.Errorf("%w; bwrap said: %s", err, output.Peek())
		return nil, errors.Join(err, sb.abandon())
	}
	go sb.reap()
	return sb, nil
}

// inMemory is a file without a name (memfd_create(2)) that holds text, to be
// read from its beginning.
func inMemory(name string, text []byte) (*os.File, error) {
	fd, err := unix.MemfdCreate(name, unix.MFD_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("memfd_create: %w", err)
	}
	f := os.NewFile(uintptr(fd), name)
	if _, err := f.Write(text); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	if _, err := f.Seek(0, 0); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// findPatience bounds the time in which bwrap makes its namespaces.
const findPatience = 30 * time.Second

// find learns which process is the first of the sandbox. That process lives
// until bwrap, its parent, has waited for it.
func (s *sandbox) find(ctx context.Context, info *os.File) error {
	if err := info.SetReadDeadline(time.Now().Add(findPatience)); err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, func() { _ = info.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()
	var told struct {
		Child int `json:"child-pid"`
	}
	if err := json.NewDecoder(info).Decode(&told); err != nil {
		return fmt.Errorf("bwrap does not tell the id of its child: %w", errors.Join(context.Cause(ctx), err))
	}
	fd, err := unix.PidfdOpen(told.Child, 0)
	if err != nil {
		return fmt.Errorf("pidfd_open %d: %w", told.Child, err)
	}
	s.first, s.pidfd = told.Child, os.NewFile(uintptr(fd), "pidfd")
	return nil
}
