package process

import (
	"io"
	"os"
	"sync"
)

// tailBytes is how much of a sandbox's own stdout and stderr is kept.
const tailBytes = 4 << 10

// tail keeps the last that a process wrote around the driver.
type tail struct {
	mu   sync.Mutex
	kept []byte
	r    *os.File
	done chan struct{}
}

// newTail returns a tail and the pipe's end for the child.
func newTail() (*tail, *os.File, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, nil, err
	}
	t := &tail{r: r, done: make(chan struct{})}
	go t.drain()
	return t, w, nil
}

func (t *tail) drain() {
	defer close(t.done)
	io.Copy(t, t.r)
}

// Write implements io.Writer for drain.
func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.kept = append(t.kept, p...)
	if over := len(t.kept) - tailBytes; over > 0 {
		t.kept = append(t.kept[:0], t.kept[over:]...)
	}
	return len(p), nil
}

// bytes is what was written up to now.
func (t *tail) bytes() []byte {
	t.mu.Lock()
	defer t.mu.Unlock()
	return append([]byte(nil), t.kept...)
}

func (t *tail) close() {
	t.r.Close()
	<-t.done
}
