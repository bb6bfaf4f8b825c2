package container

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"time"

	"github.com/lambdabench/lambdabench/runtime/proc"
)

// watch waits for the shim and, where it did not outlive the container, ends
// that as well: nobody would notice the container's own end.
func (s *sandbox) watch(shim *exec.Cmd) {
	s.shim, s.gone = shim, make(chan struct{})
	go func() {
		defer close(s.gone)
		if state, err := shim.Process.Wait(); err == nil {
			s.status, _ = state.Sys().(syscall.WaitStatus)
		}
		if s.status.Signaled() {
			s.endOrphan()
		}
		shim.Wait() // for the output, which the container may hold as well
	}()
}

// endOrphan ends a container whose shim was killed.
func (s *sandbox) endOrphan() {
	_ = s.kill() // the wait below tells whether the container ended
	s.mu.Lock()
	first := s.first
	s.mu.Unlock()
	if first != nil {
		first.ended(endPatience)
	}
}

// Close implements isolation.Sandbox.
func (s *sandbox) Close() error {
	s.once.Do(func() {
		if err := s.close(); err != nil {
			s.err = fmt.Errorf("close %s: %w", s.id, err)
		}
		s.dismiss(s)
	})
	return s.err
}

// close takes apart what make put together, as far as it came. The shim
// removes the container when it has ended.
func (s *sandbox) close() error {
	s.mu.Lock()
	s.closing = true
	s.mu.Unlock()
	errs := []error{s.kill()}
	if s.session != nil {
		errs = append(errs, s.session.Close())
	} else if s.conn != nil {
		errs = append(errs, s.conn.Close())
	}
	if s.gone != nil {
		err := s.waitGone()
		if err == nil && s.status.Signaled() {
			err = s.deleteOrphan()
		}
		errs = append(errs, err)
	}
	if s.log != nil {
		errs = append(errs, s.log.Close())
	}
	errs = append(errs, s.shared.workshop.do(s.layer.detach))
	if s.group != nil {
		errs = append(errs, s.group.Remove())
	}
	if s.endpoint != nil {
		errs = append(errs, s.endpoint.close())
	}
	if s.first != nil {
		errs = append(errs, s.first.close())
	}
	return errors.Join(append(errs, os.RemoveAll(s.dir))...)
}

// kill ends the container's first process, and with it its pid namespace. A
// frozen one dies when it thaws.
func (s *sandbox) kill() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.killed || s.gone == nil {
		return nil
	}
	s.killed = true
	if s.first == nil && s.openFirst() != nil { // it failed while it was made
		if s.group != nil {
			return s.group.Kill()
		}
		return nil
	}
	err := s.first.kill()
	if err == nil && s.paused {
		err = s.group.Thaw()
	}
	return err
}

// waitGone waits for the shim. One that does not come to its end, because it
// or a process that it waits for was stopped, is killed with all that it has
// started.
func (s *sandbox) waitGone() error {
	select {
	case <-s.gone:
		return nil
	case <-time.After(endPatience):
	}
	started := descendants(s.shim.Process.Pid)
	err := s.shim.Process.Kill()
	for _, p := range started {
		err = errors.Join(err, p.kill(), p.close())
	}
	if s.group != nil {
		err = errors.Join(err, s.group.Kill())
	}
	select {
	case <-s.gone:
		return nil
	case <-time.After(2 * endPatience):
		return errors.Join(err, fmt.Errorf("%s, process %d, does not end", s.shared.home.path, s.shim.Process.Pid))
	}
}

// descendants are the processes that a process has started, and those that
// these have.
func descendants(pid int) (all []pidfd) {
	for _, child := range proc.Children(pid) {
		if p, err := openPID(child); err == nil {
			all = append(append(all, p), descendants(child)...)
		}
	}
	return all
}

// deleteOrphan removes what a shim that was killed left of its container.
func (s *sandbox) deleteOrphan() error {
	h := s.shared
	ctx, cancel := context.WithTimeout(context.Background(), deletePatience)
	defer cancel()
	return h.oci.delete(ctx, h.workshop, h.home.path, h.home.ociRoot(), s.id)
}
