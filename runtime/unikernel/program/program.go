// Package program runs plain programs of a file image as unikernel contexts
// (UCs), without a driver, a snapshot or a backend: the tests of the library OS
// and the interpreters' own test suites (package fidelity).
package program

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"sync/atomic"
	"syscall"

	"github.com/lambdabench/lambdabench/runtime/unikernel/abi"
	"github.com/lambdabench/lambdabench/runtime/unikernel/guest"
	"github.com/lambdabench/lambdabench/runtime/unikernel/proxy"
	"github.com/lambdabench/lambdabench/runtime/unikernel/snapshot"
	"github.com/lambdabench/lambdabench/runtime/unikernel/zygote"
)

// Host has one file image mapped and runs programs of it, any number at a time.
type Host struct {
	root    *zygote.Root
	zygote  *zygote.Zygote
	arena   *snapshot.Arena
	readers atomic.Int32
	pids    atomic.Uint32
}

// Start starts a tender of its own. The error says what this host lacks.
func Start(ctx context.Context, image *os.File) (*Host, error) {
	root, err := zygote.Start(ctx, nil)
	if err != nil {
		return nil, err
	}
	h := &Host{root: root}
	if h.arena, err = snapshot.NewArena(); err == nil {
		h.zygote, err = root.Grow(ctx, zygote.Memory{Image: image, Arena: h.arena.FD()})
	}
	if err != nil {
		return nil, errors.Join(err, h.Close())
	}
	return h, nil
}

// Close ends the tender with all programs that run.
func (h *Host) Close() (err error) {
	h.root.Stop()
	if h.zygote != nil {
		h.zygote.Close()
	}
	if h.arena != nil {
		err = h.arena.Close()
	}
	return err
}

// Program is what a UC runs. Its functions are called by one goroutine.
type Program struct {
	Args   []string // the first is the program's path in the image
	Env    []string
	Memory int64  // limit in bytes; 0: none
	Flags  uint32 // abi.FlagTrace, abi.FlagStrace

	Data    func(p []byte)                   // bytes written to descriptor 3
	Console func(stream uint32, text []byte) // stream 1 or 2
	// Network answers messages about connections. nil: nothing is allowed, as by
	// a backend whose allow list is empty.
	Network func(send func(abi.Msg, []byte) error, m abi.Msg, payload []byte)
}

// Exit is how a program ended.
type Exit struct {
	Status int    // as a shell says: the exit status, or 128 and the signal that the host's kernel killed the UC with
	Why    string // the library OS's reason, if it had one
}

// Run runs a program to its end, or to the end of ctx, which kills it.
func (h *Host) Run(ctx context.Context, p Program) (Exit, error) {
	c, err := h.zygote.Fork()
	if err != nil {
		return Exit{}, fmt.Errorf("run %s: %w", p.Args[0], err)
	}
	kill := sync.OnceFunc(c.Kill) // a zygote takes the place of a child back at each kill
	defer kill()
	v := &visitor{program: p}
	channel := guest.NewChannel(c.FD, v, &h.readers, nil)
	defer func() { _ = channel.Shut() }()
	v.send = channel.SendUnasked
	defer v.close()
	defer context.AfterFunc(ctx, kill)()
	if err := c.Run(h.order(p)); err != nil {
		return Exit{}, fmt.Errorf("run %s: %w", p.Args[0], err)
	}
	err = v.hear(channel)
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	if err != nil {
		kill()
		return Exit{}, fmt.Errorf("run %s: %w", p.Args[0], err)
	}
	said := channel.Exit()
	if said.Unborn() {
		return Exit{}, fmt.Errorf("run %s: %w", p.Args[0], said.Err())
	}
	ended, err := c.WaitStatus(ctx)
	if err != nil {
		return Exit{}, fmt.Errorf("run %s: how it ended: %w", p.Args[0], err)
	}
	exit := Exit{Status: shellStatus(ended)}
	if said != nil && said.Code != abi.ExitOK {
		exit.Why = said.Why
	}
	return exit, nil
}

func shellStatus(s syscall.WaitStatus) int {
	if s.Signaled() {
		return 128 + int(s.Signal())
	}
	return s.ExitStatus()
}

// firstPID leaves the low numbers to what a small namespace has before its first
// program.
const firstPID = 1000

func (h *Host) order(p Program) *zygote.Run {
	r := &zygote.Run{
		How: abi.Boot, Flags: p.Flags, PID: firstPID + h.pids.Add(1)%(abi.FirstTID-firstPID), Memory: p.Memory,
		Program: p.Args[0], Args: p.Args, Env: p.Env,
	}
	rand.Read(r.Entropy[:])
	return r
}

// visitor is the world of one program.
type visitor struct {
	program Program
	send    func(abi.Msg, []byte) error
	proxy   *proxy.Proxy // made when first needed
}

// hear takes what the UC says until the UC ends.
func (v *visitor) hear(c *guest.Channel) error {
	b := make([]byte, abi.MaxPayload)
	for {
		n, err := c.Read(b)
		if n > 0 && v.program.Data != nil {
			v.program.Data(b[:n])
		}
		if errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET) { // it ended, perhaps with messages unread
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// Console implements guest.Peer.
func (v *visitor) Console(stream uint32, text []byte) {
	if v.program.Console != nil {
		v.program.Console(stream, text)
	}
}

// Network implements guest.Peer.
func (v *visitor) Network(m abi.Msg, payload []byte) {
	if v.program.Network != nil {
		v.program.Network(v.send, m, payload)
		return
	}
	if v.proxy == nil {
		v.proxy = proxy.New(&proxy.Rules{}, v.send)
	}
	v.proxy.Handle(m, payload)
}

func (v *visitor) close() {
	if v.proxy != nil {
		v.proxy.Close()
	}
}
