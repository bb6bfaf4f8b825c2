package zygote

import (
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// addressable tells whether the kernel gives a process the page at an address. It
// maps the page for a moment, unless something is there (MAP_FIXED_NOREPLACE of
// mmap(2)).
func addressable(at uint64) bool {
	size := uintptr(os.Getpagesize())
	p, err := unix.MmapPtr(-1, 0, *(*unsafe.Pointer)(unsafe.Pointer(&at)), size, unix.PROT_NONE,
		unix.MAP_PRIVATE|unix.MAP_ANONYMOUS|unix.MAP_NORESERVE|unix.MAP_FIXED_NOREPLACE)
	if err == nil {
		_ = unix.MunmapPtr(p, size) // a page without access, at worst it stays
	}
	return err == nil || err == unix.EEXIST
}
