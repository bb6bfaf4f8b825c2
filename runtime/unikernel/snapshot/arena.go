package snapshot

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"sync"

	"golang.org/x/sys/unix"
)

// PageSize is the unit of everything here, in bytes.
const PageSize = 4096

// Slot is a page of the arena. Slot 0 is a page of zeros for ever.
type Slot uint32

// arenaSlots bounds the arena: tenders map that much address space.
const arenaSlots = 256 << 30 / PageSize

// growth is by how many slots the arena's file grows.
const growth = 64 << 10

// stageSlots is the size of a stage: room for what most captures take.
const (
	stageSlots = 512
	maxStages  = 16
)

// freeSlots is how many free slots keep their memory: giving a page back to
// the host and getting another one costs more than what is done with it.
const freeSlots = 4096

// ErrFull says that the arena has no room, or the host no memory.
var ErrFull = errors.New("snapshot arena is full")

// Arena is one file in memory that holds the pages of all small snapshots, so
// that a hundred thousand of them cost one descriptor. Pages are counted: equal
// pages are kept once (see Layer.Commit).
//
// A capture writes into a stage, a run of slots that is used again and again
// and so is in the page tables of whoever writes it. Commit then moves what is
// new to slots for good. A capture that is larger than a stage has a run of its
// own, and Commit leaves what is new there.
type Arena struct {
	fd  int
	mem []byte // mapping of the file, and of what it may grow to

	mu      sync.Mutex
	slots   Slot   // the file's length; guarded by mu, as all below
	top     Slot   // slots below were handed out at least once
	free    []Slot // with memory
	emptied []Slot // free, and without memory
	refs    []uint32
	hashes  []uint64 // of committed slots
	stages  []Slot
	index   map[uint64]Slot // slots by the hash of tenant and content
	used    int64           // slots
}

// NewArena makes an empty arena.
func NewArena() (*Arena, error) {
	fd, err := unix.MemfdCreate("snapshots", unix.MFD_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("snapshot arena: memfd_create: %w", err)
	}
	a := &Arena{fd: fd, top: 1, index: map[uint64]Slot{}}
	err = a.reach(1)
	if err == nil {
		a.mem, err = unix.Mmap(fd, 0, arenaSlots*PageSize, unix.PROT_READ, unix.MAP_SHARED|unix.MAP_NORESERVE)
	}
	if err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("snapshot arena: %w", err)
	}
	return a, nil
}

// FD is the arena's descriptor, for processes that read snapshots.
func (a *Arena) FD() int { return a.fd }

// Bytes is the memory that pages which are in use take.
func (a *Arena) Bytes() int64 {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.used * PageSize
}

// Close gives the arena back. Whoever has it mapped keeps it.
func (a *Arena) Close() error { return errors.Join(unix.Munmap(a.mem), unix.Close(a.fd)) }

// reach grows the file so that it has n slots. It needs a.mu.
func (a *Arena) reach(n Slot) error {
	if n <= a.slots {
		return nil
	}
	if n > arenaSlots {
		return ErrFull
	}
	to := min((n+growth-1)/growth*growth, arenaSlots)
	if err := unix.Ftruncate(a.fd, int64(to)*PageSize); err != nil {
		return fmt.Errorf("%w: ftruncate: %v", ErrFull, err)
	}
	a.refs = append(a.refs, make([]uint32, to-a.slots)...)
	a.hashes = append(a.hashes, make([]uint64, to-a.slots)...)
	a.slots = to
	return nil
}

// Run hands out n slots in a row, each counted once.
func (a *Arena) Run(n int) (Slot, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	first := a.top
	if err := a.reach(first + Slot(n)); err != nil {
		return 0, err
	}
	a.top += Slot(n)
	for i := range n {
		a.refs[first+Slot(i)] = 1
	}
	a.used += int64(n)
	return first, nil
}

// Stage hands out room for a capture of at most n pages, and takes it back
// with Unstage.
func (a *Arena) Stage(n int) (Slot, int, error) {
	if n > stageSlots {
		first, err := a.Run(n)
		return first, n, err
	}
	a.mu.Lock()
	if k := len(a.stages); k > 0 {
		first := a.stages[k-1]
		a.stages = a.stages[:k-1]
		a.mu.Unlock()
		return first, stageSlots, nil
	}
	a.mu.Unlock()
	first, err := a.Run(stageSlots)
	return first, stageSlots, err
}

// Unstage takes a stage of n slots back. Nothing may refer to it any more.
func (a *Arena) Unstage(first Slot, n int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if n == stageSlots && len(a.stages) < maxStages {
		a.stages = append(a.stages, first)
		return
	}
	for i := range n {
		a.drop(first + Slot(i))
	}
	a.trim()
}

// drop needs a.mu. The last reference gives the slot back.
func (a *Arena) drop(s Slot) {
	if s == 0 {
		return
	}
	if a.refs[s]--; a.refs[s] == 0 {
		a.free = append(a.free, s)
		a.used--
	}
}

// trim gives the memory of slots that were not needed for long back to the
// host, if there are many. It needs a.mu.
func (a *Arena) trim() {
	n := len(a.free) - freeSlots
	if n < freeSlots {
		return
	}
	idle := slices.Clone(a.free[:n])
	a.free = append(a.free[:0], a.free[n:]...)
	a.emptied = append(a.emptied, idle...)
	slices.Sort(idle)
	for len(idle) > 0 {
		k := 1
		for k < len(idle) && idle[k] == idle[0]+Slot(k) {
			k++
		}
		// If the host cannot, the memory stays with the slots until they are used again.
		_ = unix.Fallocate(a.fd, unix.FALLOC_FL_PUNCH_HOLE|unix.FALLOC_FL_KEEP_SIZE, int64(idle[0])*PageSize,
			int64(k)*PageSize)
		idle = idle[k:]
	}
}

// acquire hands out one slot. It needs a.mu.
func (a *Arena) acquire() (Slot, error) {
	for _, list := range []*[]Slot{&a.free, &a.emptied} {
		if k := len(*list); k > 0 {
			s := (*list)[k-1]
			*list = (*list)[:k-1]
			a.refs[s] = 1
			a.used++
			return s, nil
		}
	}
	s := a.top
	if err := a.reach(s + 1); err != nil {
		return 0, err
	}
	a.top++
	a.refs[s] = 1
	a.used++
	return s, nil
}

// page is the content of a slot that is held and was written.
func (a *Arena) page(s Slot) []byte {
	return a.mem[int64(s)*PageSize:][:PageSize]
}

// Equal reports whether two slots that are held have the same content.
func (a *Arena) Equal(x, y Slot) bool { return x == y || bytes.Equal(a.page(x), a.page(y)) }

// Read reads a page, for those who read many once: it does not map them.
func (a *Arena) Read(s Slot, p []byte) error {
	return readFull(a.fd, p[:PageSize], int64(s)*PageSize)
}

// Write fills slots from first on with p.
func (a *Arena) Write(first Slot, p []byte) error {
	for off := int64(first) * PageSize; len(p) > 0; {
		n, err := unix.Pwrite(a.fd, p, off)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return fmt.Errorf("%w: write: %v", ErrFull, err)
		}
		p, off = p[n:], off+int64(n)
	}
	return nil
}

func readFull(fd int, p []byte, off int64) error {
	for len(p) > 0 {
		n, err := unix.Pread(fd, p, off)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return fmt.Errorf("read snapshot memory: %w", err)
		}
		if n == 0 {
			return errors.New("read snapshot memory: it ends early")
		}
		p, off = p[n:], off+int64(n)
	}
	return nil
}
