package unikernel

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/lambdabench/lambdabench/runtime"
	"github.com/lambdabench/lambdabench/runtime/unikernel/abi"
)

// tenderRoot is the root process of a tender: pid 1 of namespaces that hold
// nothing. Its end ends every node and UC.
type tenderRoot struct {
	*node
	cmd  *exec.Cmd
	gone chan struct{} // closed when the process was waited for

	machine [machineSize]byte // struct tc_machine
}

// nobody is whom the tender is on the host when the platform is root.
const nobody = 65534

// startRoot starts the tender from memory. It costs one fork of the platform,
// once.
func startRoot() (*tenderRoot, error) {
	program, err := memFile("tender", tenderELF, 0)
	if err != nil {
		return nil, err
	}
	defer program.Close()
	libos, err := memFile("libos", libosELF, unix.MFD_ALLOW_SEALING)
	if err != nil {
		return nil, err
	}
	defer libos.Close()
	if _, err := unix.FcntlInt(libos.Fd(), unix.F_ADD_SEALS, unix.F_SEAL_WRITE|unix.F_SEAL_SHRINK|unix.F_SEAL_GROW|unix.F_SEAL_SEAL); err != nil {
		return nil, fmt.Errorf("seal the library OS: %w", err)
	}
	ours, theirs, err := socketPair()
	if err != nil {
		return nil, err
	}
	control := os.NewFile(uintptr(theirs), "control")
	defer control.Close()
	cmd := exec.Command(fmt.Sprintf("/proc/self/fd/%d", program.Fd()))
	cmd.Args = []string{"lambdabench-tender"}
	cmd.Env = []string{}
	cmd.Dir = "/"
	cmd.ExtraFiles = []*os.File{control, libos}
	cmd.SysProcAttr = rootAttr()
	if err := cmd.Start(); err != nil {
		unix.Close(ours)
		return nil, fmt.Errorf("start the tender: %w", err)
	}
	r := &tenderRoot{node: newNode(ours), cmd: cmd, gone: make(chan struct{})}
	go func() {
		cmd.Wait()
		close(r.gone)
	}()
	if err := r.hello(); err != nil {
		r.stop()
		return nil, fmt.Errorf("start the tender: %w", err)
	}
	return r, nil
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
		Cloneflags: unix.CLONE_NEWUSER | unix.CLONE_NEWPID | unix.CLONE_NEWNS | unix.CLONE_NEWIPC | unix.CLONE_NEWNET | unix.CLONE_NEWUTS,
		Setsid:     true,
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

// hello waits for the root's word that it is ready, or what it lacks.
func (r *tenderRoot) hello() error {
	b := make([]byte, 512)
	n, _, err := recvPacket(r.fd, b)
	switch {
	case err != nil:
		return err
	case n == 0:
		<-r.gone
		return fmt.Errorf("it ended at once: %v", r.cmd.ProcessState)
	}
	if m, err := abi.ParseMsg(b, n); err == nil && m.Type == abi.Exit {
		return fmt.Errorf("%s (%w)", b[abi.MsgSize:n], syscall.Errno(m.ID))
	}
	if n != replySize+machineSize {
		return fmt.Errorf("its first word has %d bytes", n)
	}
	rep, err := parseReply(b[:replySize])
	if err == nil && rep.op != tcMagic {
		err = fmt.Errorf("it speaks another protocol (%#x)", rep.op)
	}
	copy(r.machine[:], b[replySize:])
	return err
}

// stop ends the tender with all its UCs and waits for it.
func (r *tenderRoot) stop() {
	r.cmd.Process.Kill()
	<-r.gone
	r.close()
}

// probe finds out, by starting a tender, whether this host can run UCs.
func probe(ctx context.Context) error {
	lacks := func(what, remedy string) error {
		return &runtime.Unavailable{Backend: Name, Lacks: what, Remedy: remedy}
	}
	if len(runtime.Interpreters(ctx)) == 0 {
		return lacks("neither Node.js 18+ nor CPython 3.11+ is installed", "apt-get install nodejs python3")
	}
	r, err := startRoot()
	if err == nil {
		r.stop()
		return nil
	}
	switch {
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EPERM) && os.Getuid() != 0:
		return lacks("this user may not make user namespaces: "+err.Error(), "sysctl user.max_user_namespaces=15000 and kernel.unprivileged_userns_clone=1, or run as root")
	case errors.Is(err, syscall.EACCES):
		return lacks("programs in memory may not be run: "+err.Error(), "sysctl vm.memfd_noexec=0")
	}
	return lacks(err.Error(), "see the messages of the kernel")
}
