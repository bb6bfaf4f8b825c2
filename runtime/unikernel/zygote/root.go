package zygote

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/lambdabench/lambdabench/runtime/unikernel/abi"
	"github.com/lambdabench/lambdabench/runtime/unikernel/csrc"
)

// Root is the root process of a tender: pid 1 of namespaces that hold nothing.
// Its end ends every zygote and UC.
type Root struct {
	*Zygote
	cmd  *exec.Cmd
	gone chan struct{} // closed when the process was waited for
}

// nobody is whom the tender is on the host when the platform is root.
const nobody = 65534

// The tender's descriptors at its start (csrc/tender/tender.h). Its program is the
// third: execve(2) names it by that number, which nothing else can take between
// fork and execve. The tender then puts its own procfs there.
const (
	controlFD = 3 + iota
	libosFD
	programFD
)

// greetingTime bounds the wait for a tender's first word; it takes some 5 ms on
// an idle host.
const greetingTime = 20 * time.Second

// Start starts a tender from memory. It costs one fork of the platform, once. The
// tender outlives ctx. The error says what the host lacks.
func Start(ctx context.Context, losses *Losses) (*Root, error) {
	if err := lackOfProcessor(runtime.GOARCH); err != nil {
		return nil, err
	}
	r, err := startProgram(ctx, csrc.Tender, losses)
	if err != nil {
		return nil, explain(err, lookAtHost())
	}
	return r, nil
}

func startProgram(ctx context.Context, elf []byte, losses *Losses) (*Root, error) {
	program, err := executable("tender", elf)
	if err != nil {
		return nil, &startError{step: stepProgram, err: err}
	}
	defer program.Close()
	libos, err := sealedLibOS()
	if err != nil {
		return nil, err
	}
	defer libos.Close()
	ours, theirs, err := socketPair()
	if err != nil {
		return nil, err
	}
	control := os.NewFile(uintptr(theirs), "control")
	cmd := exec.Command(fmt.Sprintf("/proc/self/fd/%d", programFD))
	cmd.Args = []string{"lambdabench-tender"}
	cmd.Env = []string{}
	cmd.Dir = "/"
	cmd.ExtraFiles = []*os.File{controlFD - 3: control, libosFD - 3: libos, programFD - 3: program}
	cmd.SysProcAttr = rootAttr()
	err = cmd.Start()
	control.Close() // the tender's copy is the only one: its end ends the stream
	if err != nil {
		unix.Close(ours)
		return nil, &startError{step: stepFork, err: err}
	}
	r := &Root{cmd: cmd, gone: make(chan struct{})}
	r.Zygote = newZygote(ours, &tender{pid: cmd.Process.Pid, losses: losses})
	go func() {
		cmd.Wait()
		close(r.gone)
	}()
	if err := r.greet(ctx); err != nil {
		r.Stop()
		return nil, err
	}
	return r, nil
}

// sealedLibOS is the library OS in memory, which nobody can write.
func sealedLibOS() (*os.File, error) {
	f, err := memFile("libos", csrc.LibOS, unix.MFD_ALLOW_SEALING)
	if err != nil {
		return nil, err
	}
	if _, err := unix.FcntlInt(f.Fd(), unix.F_ADD_SEALS,
		unix.F_SEAL_WRITE|unix.F_SEAL_SHRINK|unix.F_SEAL_GROW|unix.F_SEAL_SEAL); err != nil {
		f.Close()
		return nil, fmt.Errorf("seal the library OS: %w", err)
	}
	return f, nil
}

// rootAttr asks for new namespaces. Inside, the tender is root over nothing;
// outside, it is the platform's own user, or nobody where the platform is root.
//
// No Pdeathsig: it comes at the end of the *thread* that started the child
// (prctl(2)), which Go ends when it likes. The tender ends when its control
// socket does.
func rootAttr() *syscall.SysProcAttr {
	uid, gid := os.Getuid(), os.Getgid()
	attr := &syscall.SysProcAttr{
		Cloneflags: unix.CLONE_NEWUSER | unix.CLONE_NEWPID | unix.CLONE_NEWNS | unix.CLONE_NEWIPC |
			unix.CLONE_NEWNET | unix.CLONE_NEWUTS,
		Setsid: true,
	}
	if uid == 0 {
		uid, gid = nobody, nobody
		attr.GidMappingsEnableSetgroups = true
	}
	attr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: uid, Size: 1}}
	attr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: gid, Size: 1}}
	attr.Credential = &syscall.Credential{Uid: 0, Gid: 0, NoSetGroups: uid != nobody}
	return attr
}

// greet waits for the root's word that it is ready, or what it lacks. The wait
// ends with the tender, with ctx, and after greetingTime: then the tender is killed.
func (r *Root) greet(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, greetingTime, errSilent)
	defer cancel()
	silence := context.AfterFunc(ctx, func() {
		r.cmd.Process.Kill()
		_ = unix.Shutdown(r.fd, unix.SHUT_RDWR) // a process that cannot die yet keeps its end open
	})
	err := r.hello()
	if !silence() && err != nil {
		return &startError{step: "wait for its first word", err: context.Cause(ctx)}
	}
	return err
}

func (r *Root) hello() error {
	b := make([]byte, 512)
	n, _, err := recvPacket(r.fd, b)
	for err == unix.EAGAIN {
		n, _, err = recvPacket(r.fd, b)
	}
	switch {
	case err != nil:
		return &startError{step: "read its first word", err: err}
	case n == 0:
		return &startError{step: "read its first word", err: errEnded, state: r.end()}
	}
	if m, err := abi.ParseMsg(b, n); err == nil && m.Type == abi.Exit {
		what, _, _ := strings.Cut(strings.TrimPrefix(string(b[abi.MsgSize:n]), "tender: "), ": errno")
		what, _, _ = strings.Cut(what, " (") // its guess at the cause; the host's settings tell
		return &startError{step: what, err: syscall.Errno(m.ID)}
	}
	if n != replySize+machineSize {
		return &startError{step: "read its first word", err: fmt.Errorf("%d bytes where %d are due", n,
			replySize+machineSize)}
	}
	rep, err := parseReply(b[:replySize])
	if err == nil && rep.op != tcMagic {
		err = fmt.Errorf("it speaks another protocol (%#x)", rep.op)
	}
	copy(r.tender.machine[:], b[replySize:])
	return err
}

// end waits for the process, whose control socket has ended, and returns how it
// ended; nil if it does not end.
func (r *Root) end() *os.ProcessState {
	select {
	case <-r.gone:
		return r.cmd.ProcessState
	case <-time.After(killTime):
		return nil
	}
}

// killTime bounds the wait for a process that was killed. One that is frozen or
// sleeps in the kernel dies later, and is then waited for by its own goroutine.
const killTime = 5 * time.Second

// Stop ends the tender with all its UCs and waits for it.
func (r *Root) Stop() {
	r.cmd.Process.Kill()
	r.end()
	r.Close()
}

// PID is the root's process on the host.
func (r *Root) PID() int { return r.tender.pid }

// XSaveSize is how many bytes the XSAVE area of a UC's processor state takes.
func (r *Root) XSaveSize() uint32 { return le.Uint32(r.tender.machine[24:]) }

// Stopped kills a root that another process stopped, and reports whether it did.
// A process of the tender kills its own children that are stopped (csrc/tender/child.c).
func (r *Root) Stopped() bool {
	if !r.tender.stopped() {
		return false
	}
	r.cmd.Process.Kill()
	_ = r.fail(ErrStopped)
	return true
}
