package driver

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"syscall"

	"github.com/lambdabench/lambdabench/runtime/isolation"
)

// LogVariable names, in the environment of a driver, the descriptor of the log
// for a driver whose descriptors 1 and 2 are not the log yet: the driver puts
// the log there. A container's are pipes of its OCI runtime, which copies what
// comes at its leisure.
const LogVariable = "_LAMBDABENCH_LOG_FD"

// LogPipe is the log of a driver that is a process: its descriptors 1 and 2 are
// the pipe.
type LogPipe struct {
	out  Output
	r    *os.File
	fd   int
	done chan struct{}
	once sync.Once
}

// NewLogPipe returns the pipe, and its end for the child, for the caller to
// close. Close ends its goroutine.
func NewLogPipe() (*LogPipe, *os.File, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, nil, fmt.Errorf("pipe: %w", err)
	}
	p := &LogPipe{r: r, done: make(chan struct{})}
	raw, err := r.SyscallConn()
	if err == nil {
		err = raw.Control(func(fd uintptr) { p.fd = int(fd) })
	}
	if err != nil {
		return nil, nil, errors.Join(fmt.Errorf("pipe: %w", err), r.Close(), w.Close())
	}
	go p.drain(raw)
	return p, w, nil
}

// drain reads the pipe as text comes, so that a function that prints much does not
// block.
func (p *LogPipe) drain(raw syscall.RawConn) {
	defer close(p.done)
	// Its error is that the pipe was closed, by Close.
	_ = raw.Read(func(uintptr) bool {
		p.out.mu.Lock()
		defer p.out.mu.Unlock()
		return p.readAll()
	})
}

var logChunks = sync.Pool{New: func() any { b := make([]byte, 32<<10); return &b }}

// readAll reads all that is in the pipe, and reports whether the pipe has ended.
// out.mu is held, so that the descriptor is open and reads do not overtake
// each other.
func (p *LogPipe) readAll() (end bool) {
	var chunk *[]byte
	var small [1]byte
	// Most invocations print nothing: one byte is buffer enough to see that.
	b := small[:]
	for p.fd >= 0 {
		n, err := syscall.Read(p.fd, b)
		switch {
		case err == syscall.EINTR:
			continue
		case err == syscall.EAGAIN:
		case err != nil || n == 0:
			end = true
		default:
			p.out.add(b[:n])
			if chunk == nil {
				chunk = logChunks.Get().(*[]byte)
				b = *chunk
			}
			continue
		}
		break
	}
	if chunk != nil {
		logChunks.Put(chunk)
	}
	return end || p.fd < 0
}

// Printed implements isolation.Printer. It reads the pipe first: the text that a
// process printed before its reply is in the pipe by then.
func (p *LogPipe) Printed() ([]byte, []isolation.LogMark) {
	p.out.mu.Lock()
	defer p.out.mu.Unlock()
	p.readAll()
	return p.out.drain()
}

// Peek reads the pipe and returns the end of the log, which stays.
func (p *LogPipe) Peek() []byte {
	p.out.mu.Lock()
	p.readAll()
	p.out.mu.Unlock()
	return p.out.Peek()
}

// Close reads what is left, for a last call of Printed, and closes the pipe.
func (p *LogPipe) Close() error {
	var err error
	p.once.Do(func() {
		p.out.mu.Lock()
		p.readAll()
		p.fd = -1
		p.out.mu.Unlock()
		err = p.r.Close()
		<-p.done
	})
	return err
}
