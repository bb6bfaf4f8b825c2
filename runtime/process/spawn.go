package process

import (
	"fmt"
	"os/exec"
	"runtime"
)

// spawner forks every sandbox of a backend from one thread of its own. A
// child's parent-death signal comes when the thread that forked it ends, not
// the process (prctl(2), PR_SET_PDEATHSIG), so this thread must live as long
// as the sandboxes; and it is the thread that visits memory cgroups.
type spawner struct {
	jobs chan job
	done chan struct{}
}

type job struct {
	cmd   *exec.Cmd
	group *group
	err   chan error
}

func newSpawner() *spawner {
	s := &spawner{jobs: make(chan job), done: make(chan struct{})}
	go s.serve()
	return s
}

func (s *spawner) serve() {
	defer close(s.done)
	runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
	for j := range s.jobs {
		j.err <- j.group.enclose(j.cmd.SysProcAttr, j.cmd.Start)
	}
}

// start starts cmd inside the group.
func (s *spawner) start(cmd *exec.Cmd, g *group) error {
	j := job{cmd, g, make(chan error, 1)}
	s.jobs <- j
	err := <-j.err
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
