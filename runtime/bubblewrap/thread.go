package bubblewrap

import (
	"runtime"
	"sync"
)

// thread runs functions on one thread of the system. The parent-death signal of
// a process comes when the thread that forked it ends, not when the parent does
// (prctl(2), PR_SET_PDEATHSIG): so one thread that lives as long as the backend
// starts every bwrap. The zero value is ready.
type thread struct {
	once sync.Once
	jobs chan func()
	done chan struct{}
}

// do runs f on the thread.
func (t *thread) do(f func() error) (err error) {
	t.once.Do(t.begin)
	ran := make(chan struct{})
	t.jobs <- func() { defer close(ran); err = f() }
	<-ran
	return err
}

func (t *thread) begin() {
	t.jobs, t.done = make(chan func()), make(chan struct{})
	go func() {
		defer close(t.done)
		runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
		for job := range t.jobs {
			job()
		}
	}()
}

// close ends the thread, once. No do may be under way, and none may follow.
func (t *thread) close() {
	t.once.Do(func() {}) // of a thread that never began
	if t.jobs != nil {
		close(t.jobs)
		<-t.done
		t.jobs = nil
	}
}
