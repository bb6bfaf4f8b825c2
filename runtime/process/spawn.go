package process

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"

	"golang.org/x/sys/unix"

	"github.com/lambdabench/lambdabench/runtime/cgroup"
	"github.com/lambdabench/lambdabench/runtime/driver"
)

// spawner forks every sandbox of a backend from one thread of its own. A
// child's parent-death signal comes when the thread that forked it ends, not
// the process (prctl(2), PR_SET_PDEATHSIG), so this thread must live as long
// as the sandboxes; and it is the thread that visits memory cgroups and mount
// namespaces. No program that it starts can gain a privilege.
type spawner struct {
	jobs chan func()
	done chan struct{}

	// Of the thread alone:
	home     int   // its mount namespace
	homeless error // why it has none
}

func newSpawner() *spawner {
	s := &spawner{jobs: make(chan func()), done: make(chan struct{})}
	go s.serve()
	return s
}

func (s *spawner) serve() {
	runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
	if unix.Gettid() == os.Getpid() {
		// The main thread does not end, and is what /proc/PID shows: take another.
		go s.serve()
		<-s.done
		runtime.UnlockOSThread()
		return
	}
	defer close(s.done)
	renounce()
	if s.homeless = s.leaveHost(); s.homeless == nil {
		defer unix.Close(s.home)
	}
	for job := range s.jobs {
		job()
	}
}

// renounce keeps the thread's children from privileges that files give: no
// setuid program, no file capability (prctl(2), PR_SET_NO_NEW_PRIVS), and an
// empty bounding set, as far as this process may empty it.
func renounce() {
	_ = unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
	for c := uintptr(0); c <= unix.CAP_LAST_CAP; c++ {
		_ = unix.Prctl(unix.PR_CAPBSET_DROP, c, 0, 0, 0)
	}
}

// leaveHost gives the thread a mount namespace of its own, in which mounts and
// unmounts of the host show, and not the other way round.
func (s *spawner) leaveHost() error {
	if err := unix.Unshare(unix.CLONE_FS | unix.CLONE_NEWNS); err != nil {
		return fmt.Errorf("unshare: %w", err)
	}
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_SLAVE, ""); err != nil {
		return err
	}
	unix.Umask(0o022) // what it makes there, every function must be able to read
	home, err := unix.Open("/proc/thread-self/ns/mnt", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err == nil {
		s.home = home
	}
	return err
}

func (s *spawner) comeHome() error {
	if err := unix.Setns(s.home, unix.CLONE_NEWNS); err != nil {
		return fmt.Errorf("leave the sandbox's mount namespace: %w", err)
	}
	return nil
}

// within runs start in a new mount namespace that shows v; a nil v is the
// thread's own.
func (s *spawner) within(v *view, owner uint32, start func() error) error {
	if v == nil {
		return start()
	}
	if s.homeless != nil {
		return fmt.Errorf("make a mount namespace: %w", s.homeless)
	}
	err := v.enter(owner)
	if err == nil {
		err = start()
	}
	return errors.Join(err, s.comeHome())
}

// show makes a directory of the host the sandbox's /var/task, read-only,
// whatever the modes of the directories above it. The thread of s is in its
// own mount namespace, and returns to it.
func (s *spawner) show(dir string, pid int) error {
	tree, err := unix.OpenTree(unix.AT_FDCWD, dir, unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC|unix.AT_RECURSIVE)
	if err != nil {
		return fmt.Errorf("open mount of %s: %w", dir, err)
	}
	defer unix.Close(tree)
	if err := readOnly(tree, "", unix.AT_EMPTY_PATH); err != nil {
		return err
	}
	ns, err := unix.Open(fmt.Sprintf("/proc/%d/ns/mnt", pid), unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("open mount namespace of process %d: %w", pid, err)
	}
	defer unix.Close(ns)
	if err := unix.Setns(ns, unix.CLONE_NEWNS); err != nil {
		return fmt.Errorf("enter mount namespace of process %d: %w", pid, err)
	}
	err = unix.MoveMount(tree, "", unix.AT_FDCWD, driver.TaskRoot, unix.MOVE_MOUNT_F_EMPTY_PATH)
	if err != nil {
		err = fmt.Errorf("mount %s: %w", driver.TaskRoot, err)
	}
	return errors.Join(err, s.comeHome())
}

// do runs f on the thread, one at a time.
func (s *spawner) do(f func() error) (err error) {
	ran := make(chan struct{})
	s.jobs <- func() { defer close(ran); err = f() }
	<-ran
	return err
}

// start starts cmd inside the group and, where there is one, the view.
func (s *spawner) start(cmd *exec.Cmd, g *cgroup.Group, v *view, owner uint32) error {
	err := s.do(func() error {
		return g.Start(cmd.SysProcAttr, func() error { return s.within(v, owner, cmd.Start) })
	})
	if err != nil && cmd.Process != nil { // it started, but the thread is astray
		cmd.Process.Kill()
		cmd.Wait()
		return fmt.Errorf("start %s: %w", cmd.Path, err)
	}
	return err
}

// close ends the thread; all sandboxes must be gone.
func (s *spawner) close() {
	close(s.jobs)
	<-s.done
}
