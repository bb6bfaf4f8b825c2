package bubblewrap

import (
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/lambdabench/lambdabench/runtime/driver"
	"github.com/lambdabench/lambdabench/runtime/isolation"
)

const (
	// closePatience is how long processes that were killed have to end.
	closePatience = 10 * time.Second

	// endPatience is how long a sandbox whose stream ended has time to end by
	// itself, and then to end when it is killed, before its reply goes out.
	endPatience = time.Second
)

// reap waits for the end of the sandbox, which is noticed here alone: bwrap ends
// with the interpreter, and processes that the function left are killed.
func (s *sandbox) reap() {
	_ = s.cmd.Wait() // its status is read by ending
	_ = s.kill()
	s.awaitFirst()
	close(s.gone)
}

// awaitFirst waits until the first process of the pid namespace has ended. The
// kernel lets it end when all others of the namespace have (pid_namespaces(7)). The
// wait is over as well where Close gave it up and closed the descriptor.
func (s *sandbox) awaitFirst() {
	_ = s.control(func(fd int) error {
		poll := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
		_, err := unix.Poll(poll, -1)
		for err == unix.EINTR {
			_, err = unix.Poll(poll, -1)
		}
		return err
	})
}

// kill ends every process of the sandbox. Nothing is left to kill where the
// first process has ended.
func (s *sandbox) kill() error {
	err := s.control(func(fd int) error { return unix.PidfdSendSignal(fd, unix.SIGKILL, nil, 0) })
	if err != nil && !errors.Is(err, unix.ESRCH) && !errors.Is(err, os.ErrClosed) {
		return fmt.Errorf("kill process %d: %w", s.first, err)
	}
	return nil
}

// control calls f with the descriptor of the first process, which stays open
// meanwhile.
func (s *sandbox) control(f func(fd int) error) error {
	raw, err := s.pidfd.SyscallConn()
	if err != nil {
		return err
	}
	var failed error
	return errors.Join(raw.Control(func(fd uintptr) { failed = f(int(fd)) }), failed)
}

// abandon ends a bwrap that did not get as far as a sandbox.
func (s *sandbox) abandon() error {
	err := s.cmd.Process.Kill()
	_ = s.cmd.Wait()
	if errors.Is(err, os.ErrProcessDone) {
		return nil
	}
	return err
}

// Done implements isolation.Ender.
func (s *sandbox) Done() <-chan struct{} { return s.gone }

// Cause implements isolation.Ender.
func (s *sandbox) Cause() error {
	select {
	case <-s.gone:
	default:
		return nil
	}
	if s.closing.Load() {
		return isolation.ErrClosed
	}
	return s.ending().Err()
}

// end tells the session what became of a driver whose stream ended.
func (s *sandbox) end() driver.End {
	if s.goneWithin(endPatience) {
		return s.ending()
	}
	_ = s.kill()
	if s.goneWithin(endPatience) {
		return s.ending()
	}
	return driver.End{Status: "signal: " + syscall.SIGKILL.String(), Words: s.output.Peek()}
}

func (s *sandbox) goneWithin(d time.Duration) bool {
	select {
	case <-s.gone:
		return true
	case <-time.After(d):
		return false
	}
}

// ending reads how the sandbox ended, which it has. bwrap tells a signal as
// 128 and its number, as a shell does.
func (s *sandbox) ending() driver.End {
	ws, _ := s.cmd.ProcessState.Sys().(syscall.WaitStatus)
	if ws.ExitStatus() > 128 {
		ws = syscall.WaitStatus(ws.ExitStatus() - 128)
	}
	end := driver.EndOf(ws)
	end.Words = s.output.Peek()
	if l := s.limits.Load(); l != nil {
		end.LimitBytes = l.MemoryBytes
	}
	killed, own := s.group.OutOfMemory()
	if end.OutOfMemory = killed && own; killed && !own {
		end.Status += driver.OutOfMemoryAbove
	}
	return end
}

// Close implements isolation.Sandbox.
func (s *sandbox) Close() error {
	s.once.Do(func() {
		s.closing.Store(true)
		if s.session != nil {
			s.session.Close()
		}
		s.closeErr = s.kill()
		if !s.goneWithin(closePatience) {
			s.closeErr = errors.Join(s.closeErr, fmt.Errorf("process %d was killed and does not end", s.first))
		}
		s.closeErr = errors.Join(s.closeErr, s.release())
		s.backend.forget(s)
	})
	return s.closeErr
}

// release closes what the platform holds of the sandbox.
func (s *sandbox) release() error {
	var errs []error
	if s.conn != nil {
		s.conn.Close()
	}
	if s.output != nil {
		errs = append(errs, s.output.Close())
	}
	if s.pidfd != nil {
		errs = append(errs, s.pidfd.Close())
	}
	errs = append(errs, s.group.Remove())
	return errors.Join(errs...)
}
