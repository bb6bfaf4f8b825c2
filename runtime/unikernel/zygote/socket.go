package zygote

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// socketPair makes a SOCK_SEQPACKET pair: packets keep their bounds and order,
// and either end hears of the other's.
func socketPair() (ours, theirs int, err error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, -1, fmt.Errorf("socketpair: %w", err)
	}
	return fds[0], fds[1], nil
}

// sendPacket sends one packet with descriptors; it blocks while the socket is
// full.
func sendPacket(fd int, p []byte, fds ...int) error {
	var rights []byte
	if len(fds) > 0 {
		rights = unix.UnixRights(fds...)
	}
	for {
		err := unix.Sendmsg(fd, p, rights, nil, unix.MSG_NOSIGNAL)
		if err != unix.EINTR {
			return err
		}
	}
}

// recvPacket receives one packet and at most one descriptor, -1 for none. An
// empty packet is the end of the stream. A peer that ended with packets unread
// is first an error, and then still heard.
func recvPacket(fd int, p []byte) (n, rights int, err error) {
	var oob [64]byte
	for {
		n, oobn, _, _, err := unix.Recvmsg(fd, p, oob[:], unix.MSG_CMSG_CLOEXEC)
		if err == unix.EINTR || err == unix.ECONNRESET {
			continue
		}
		if err != nil {
			return 0, -1, err
		}
		return n, rightIn(oob[:oobn]), nil
	}
}

func rightIn(oob []byte) int {
	msgs, err := unix.ParseSocketControlMessage(oob)
	if err != nil {
		return -1
	}
	got := -1
	for _, m := range msgs {
		fds, err := unix.ParseUnixRights(&m)
		if err != nil {
			continue
		}
		for _, fd := range fds {
			if got >= 0 {
				unix.Close(fd)
				continue
			}
			got = fd
		}
	}
	return got
}

// executable is a program in memory. MFD_EXEC (Linux 6.3) makes it one where
// vm.memfd_noexec=1 is set; an older kernel does not know the flag and needs none.
func executable(name string, content []byte) (*os.File, error) {
	f, err := memFile(name, content, unix.MFD_EXEC)
	if errors.Is(err, unix.EINVAL) {
		return memFile(name, content, 0)
	}
	return f, err
}

// memFile is a file in memory with content.
func memFile(name string, content []byte, flags int) (*os.File, error) {
	fd, err := unix.MemfdCreate(name, unix.MFD_CLOEXEC|flags)
	if err != nil {
		return nil, fmt.Errorf("memfd_create %s: %w", name, err)
	}
	f := os.NewFile(uintptr(fd), name)
	if _, err := f.Write(content); err != nil {
		f.Close()
		return nil, fmt.Errorf("write %s: %w", name, err)
	}
	return f, nil
}
