package process

import "time"

// watchInterval is how often resident memory is compared with the limit.
const watchInterval = 50 * time.Millisecond

// watch ends sandboxes whose resident memory is over their limit, where no
// cgroup does.
type watch struct {
	stop, done chan struct{}
}

func newWatch(check func()) *watch {
	w := &watch{make(chan struct{}), make(chan struct{})}
	go func() {
		defer close(w.done)
		tick := time.NewTicker(watchInterval)
		defer tick.Stop()
		for {
			select {
			case <-w.stop:
				return
			case <-tick.C:
				check()
			}
		}
	}()
	return w
}

func (w *watch) close() {
	close(w.stop)
	<-w.done
}
