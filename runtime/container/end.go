package container

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// Close implements runtime.Sandbox.
func (s *sandbox) Close() error {
	s.once.Do(func() {
		if err := s.close(); err != nil {
			s.err = fmt.Errorf("close %s: %w", s.id, err)
		}
		s.backend.mu.Lock()
		delete(s.backend.live, s)
		s.backend.mu.Unlock()
	})
	return s.err
}

// close takes apart what make put together, as far as it came. The OCI
// runtime's process removes the container when it has ended.
func (s *sandbox) close() error {
	var errs []error
	s.kill()
	if s.session != nil {
		errs = append(errs, s.session.Close())
	} else if s.conn != nil {
		errs = append(errs, s.conn.Close())
	}
	if s.gone != nil {
		errs = append(errs, s.waitGone())
	}
	errs = append(errs, s.backend.workshop.do(s.layer.detach))
	if s.group != nil {
		errs = append(errs, s.group.remove())
	}
	if s.endpoint != nil {
		errs = append(errs, s.endpoint.close())
	}
	return errors.Join(append(errs, os.RemoveAll(s.dir))...)
}

// kill ends the container's first process, and with it its pid namespace. A
// frozen one dies when it thaws.
func (s *sandbox) kill() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.killed || s.gone == nil {
		return
	}
	s.killed = true
	if s.PID() == 0 && s.readPID() != nil {
		if s.group != nil { // it failed while it was made
			s.group.kill()
		}
		return
	}
	select {
	case <-s.gone: // then the number may be another's
		return
	default:
	}
	if err := unix.Kill(s.PID(), unix.SIGKILL); err == nil && s.paused {
		s.group.thaw()
	}
}

// waitGone waits for the OCI runtime's process. One that does not come to its
// end is ended, and the container removed by the command for it.
func (s *sandbox) waitGone() error {
	select {
	case <-s.gone:
		return nil
	case <-time.After(10 * time.Second):
	}
	if s.group != nil {
		s.group.kill()
	}
	b := s.backend
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	err := b.workshop.do(func() error { return b.oci.delete(ctx, b.home.path, b.home.ociRoot(), s.id) })
	select {
	case <-s.gone:
		return err
	case <-ctx.Done():
		return errors.Join(err, fmt.Errorf("%s does not end", b.home.path))
	}
}
