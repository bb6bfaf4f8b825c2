package image

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

// ErrBroken is an image that the builder did not write. Compare with errors.Is.
var ErrBroken = errors.New("broken file image")

// Bounds of what a reader accepts.
const (
	maxInodes  = 4 << 20
	maxStrings = 256 << 20
	maxName    = 255
)

// Reader is an image whose tables were checked.
type Reader struct {
	r       io.ReaderAt
	sum     [32]byte
	size    int64
	inodes  []inode
	entries []dirent
	strings string
}

type inode struct {
	mode, parent uint32
	size, data   uint64
	mtime        int64
}

type dirent struct {
	name  string
	inode uint32
}

// NewReader reads and checks the tables of an image of size bytes. It does not
// read the files: see Verify.
func NewReader(r io.ReaderAt, size int64) (*Reader, error) {
	var b [superSize]byte
	if _, err := r.ReadAt(b[:], 0); err != nil {
		return nil, fmt.Errorf("%w: superblock: %v", ErrBroken, err)
	}
	u32 := func(at int) uint64 { return uint64(binary.LittleEndian.Uint32(b[at:])) }
	u64 := func(at int) uint64 { return binary.LittleEndian.Uint64(b[at:]) }
	im := &Reader{r: r, size: size, sum: [32]byte(b[16:48])}
	switch {
	case u32(0) != magic:
		return nil, fmt.Errorf("%w: it begins with %#x", ErrBroken, u32(0))
	case u32(4) != version:
		return nil, fmt.Errorf("%w: version %d, this reader knows %d", ErrBroken, u32(4), version)
	case u64(8) != uint64(size) || size%pageSize != 0:
		return nil, fmt.Errorf("%w: it is %d bytes long and says %d", ErrBroken, size, u64(8))
	}
	nodes, entries := u32(48), u32(52)
	inodeOff, direntOff, stringOff, stringLen := u64(56), u64(64), u64(72), u64(80)
	if nodes == 0 || nodes > maxInodes || entries > maxInodes || stringLen > maxStrings {
		return nil, fmt.Errorf("%w: %d inodes, %d entries, %d bytes of names", ErrBroken, nodes, entries, stringLen)
	}
	rawInodes, err1 := im.table(inodeOff, nodes*inodeSize)
	rawEntries, err2 := im.table(direntOff, entries*direntSize)
	rawStrings, err3 := im.table(stringOff, stringLen)
	if err := errors.Join(err1, err2, err3); err != nil {
		return nil, err
	}
	im.strings = string(rawStrings)
	im.decode(rawInodes)
	if err := im.decodeEntries(rawEntries); err != nil {
		return nil, err
	}
	return im, im.check()
}

func (im *Reader) table(off, n uint64) ([]byte, error) {
	if off > uint64(im.size) || n > uint64(im.size)-off {
		return nil, fmt.Errorf("%w: table at %d of %d bytes sticks out", ErrBroken, off, n)
	}
	b := make([]byte, n)
	if _, err := im.r.ReadAt(b, int64(off)); err != nil {
		return nil, fmt.Errorf("%w: table at %d: %v", ErrBroken, off, err)
	}
	return b, nil
}

func (im *Reader) decode(b []byte) {
	for ; len(b) >= inodeSize; b = b[inodeSize:] {
		le := binary.LittleEndian
		im.inodes = append(im.inodes, inode{le.Uint32(b), le.Uint32(b[4:]), le.Uint64(b[8:]), le.Uint64(b[16:]),
			int64(le.Uint64(b[24:]))})
	}
}

func (im *Reader) decodeEntries(b []byte) error {
	for ; len(b) >= direntSize; b = b[direntSize:] {
		le := binary.LittleEndian
		at, n, id := uint64(le.Uint32(b)), uint64(le.Uint32(b[4:])), le.Uint32(b[8:])
		if at+n > uint64(len(im.strings)) || n == 0 || n > maxName || uint64(id) >= uint64(len(im.inodes)) {
			return fmt.Errorf("%w: entry %d points outside", ErrBroken, len(im.entries))
		}
		name := im.strings[at : at+n]
		if name == "." || name == ".." || strings.ContainsAny(name, "/\x00") {
			return fmt.Errorf("%w: entry is called %q", ErrBroken, name)
		}
		if kind := le.Uint32(b[12:]); kind != im.inodes[id].mode>>12 {
			return fmt.Errorf("%w: entry %q has type %d, its inode %d", ErrBroken, name, kind, im.inodes[id].mode>>12)
		}
		im.entries = append(im.entries, dirent{name, id})
	}
	return nil
}

// check: every inode points into the image, directories form one tree and are
// sorted.
func (im *Reader) check() error {
	owner := make([]uint32, len(im.inodes)) // parent + 1 of a directory that was seen in one
	if im.inodes[0].mode&modeKind != modeDir {
		return fmt.Errorf("%w: inode 0 is no directory", ErrBroken)
	}
	for i, n := range im.inodes {
		limit := uint64(im.size)
		switch n.mode & modeKind {
		case modeDir:
			limit = uint64(len(im.entries))
		case modeLink:
			limit = uint64(len(im.strings))
		case modeFile:
		default:
			return fmt.Errorf("%w: inode %d has mode %o", ErrBroken, i, n.mode)
		}
		if n.data > limit || n.size > limit-n.data {
			return fmt.Errorf("%w: inode %d points outside", ErrBroken, i)
		}
		if n.mode&modeKind == modeDir {
			if err := im.checkDir(uint32(i), owner); err != nil {
				return err
			}
		}
	}
	for i, n := range im.inodes {
		if n.mode&modeKind == modeDir && i > 0 && owner[i] != n.parent+1 {
			return fmt.Errorf("%w: directory %d is not where it says", ErrBroken, i)
		}
	}
	// A loop of directories has no way up to the root.
	for i := range im.inodes {
		at, steps := uint32(i), 0
		for at != 0 && owner[at] != 0 && steps <= 256 {
			at, steps = owner[at]-1, steps+1
		}
		if steps > 256 {
			return fmt.Errorf("%w: directory %d is nested too deep or in itself", ErrBroken, i)
		}
	}
	return nil
}

func (im *Reader) checkDir(i uint32, owner []uint32) error {
	entries := im.entries[im.inodes[i].data:][:im.inodes[i].size]
	for k, e := range entries {
		if k > 0 && entries[k-1].name >= e.name {
			return fmt.Errorf("%w: directory %d is not sorted at %q", ErrBroken, i, e.name)
		}
		if im.inodes[e.inode].mode&modeKind != modeDir {
			continue
		}
		if e.inode == 0 || owner[e.inode] != 0 {
			return fmt.Errorf("%w: directory %q has two names", ErrBroken, e.name)
		}
		owner[e.inode] = i + 1
	}
	return nil
}

// Verify checks a whole image file: its tables, and the checksum over all that
// follows the superblock's page.
func Verify(f *os.File) error {
	st, err := f.Stat()
	if err != nil {
		return err
	}
	im, err := NewReader(f, st.Size())
	if err != nil {
		return err
	}
	h := sha256.New()
	if _, err := io.Copy(h, io.NewSectionReader(f, pageSize, st.Size()-pageSize)); err != nil {
		return fmt.Errorf("verify %s: %w", f.Name(), err)
	}
	if [32]byte(h.Sum(nil)) != im.sum {
		return fmt.Errorf("%w: checksum of %s differs", ErrBroken, f.Name())
	}
	return nil
}
