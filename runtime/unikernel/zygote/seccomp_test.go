package zygote

import (
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Actions of a seccomp filter (seccomp(2)).
const (
	seccompKill  = 0x80000000
	seccompErrno = 0x00050000
	seccompAllow = 0x7fff0000
)

// filterCall binds all threads of this process, and its children, to a filter
// that answers one system call with an action. clone is answered so only with
// CLONE_NEWUSER.
func filterCall(number uintptr, action uint32) error {
	const load, equal, bits, give = 0x20, 0x15, 0x45, 0x06 // BPF_LD|W|ABS, JMP|JEQ|K, JMP|JSET|K, RET|K
	mask := uint32(unix.CLONE_NEWUSER)
	code := []unix.SockFilter{
		{Code: load, K: 0}, // seccomp_data.nr
		{Code: equal, Jf: 3, K: uint32(number)},
		{Code: load, K: 16}, // the low half of seccomp_data.args[0]
		{Code: bits, Jf: 1, K: mask},
		{Code: give, K: action},
		{Code: give, K: seccompAllow},
	}
	if number != unix.SYS_CLONE {
		code[2] = unix.SockFilter{Code: give, K: action}
	}
	runtime.LockOSThread() // no_new_privs is a thread's until the filter is set
	defer runtime.UnlockOSThread()
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return err
	}
	p := unix.SockFprog{Len: uint16(len(code)), Filter: &code[0]}
	const tsync = 1 // SECCOMP_FILTER_FLAG_TSYNC
	_, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, tsync, uintptr(unsafe.Pointer(&p)))
	if errno != 0 {
		return errno
	}
	return nil
}
