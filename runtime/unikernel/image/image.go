// Package image writes the read-only file image that all unikernel contexts of a host share (abi/uc_image.h): a tree of
// package rootfs in one file that the libOS maps. It is not an archive format for users: a function's package goes into
// the guest's own tmpfs.
//
//	tree, err := rootfs.ForInterpreter(ctx, interpreter)
//	f, err := image.Cached(dir, tree)
package image

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/lambdabench/lambdabench/runtime/driver"
	"github.com/lambdabench/lambdabench/runtime/rootfs"
)

// The constants mirror abi/uc_image.h.
const (
	magic      = 0x31494355
	version    = 1
	pageSize   = 4096
	superSize  = 88
	inodeSize  = 32
	direntSize = 16

	modeKind = 0o170000
	modeDir  = 0o040000
	modeFile = 0o100000
	modeLink = 0o120000
)

// mountPoints are the directories that the libOS mounts over (csrc/libos/fs/path.c).
var mountPoints = []string{"/dev", "/proc", "/sys", "/tmp", "/var/tmp", driver.TaskRoot, "/etc"}

func addMountPoints(t *rootfs.Tree) {
	for _, p := range mountPoints {
		t.AddDir(p, 0o755)
	}
}

// Write writes the image of a tree, with the directories that the libOS mounts over. The same files give the same
// bytes.
func Write(w io.Writer, t *rootfs.Tree) (int64, error) {
	l := newLayout(t)
	// The superblock holds the checksum of what follows, so the files are read twice: once to sum, once to write.
	sum := sha256.New()
	if _, err := l.writeBody(sum); err != nil {
		return 0, err
	}
	if _, err := w.Write(l.super(sum.Sum(nil))); err != nil {
		return 0, fmt.Errorf("image: write: %w", err)
	}
	n, err := l.writeBody(w)
	return n + pageSize, err
}

// layout is where everything of an image lies.
type layout struct {
	nodes                          []*node
	entries                        uint64
	inodeOff, direntOff, stringOff uint64
	stringLen, end                 uint64
	tables                         []byte // inodes, directory entries, strings
}

// node is a file of the tree. Its number is its place among the nodes; that of the root is 0.
type node struct {
	rootfs.File
	mode   uint32
	parent uint32 // of a directory
	size   uint64 // of a file or a link's target in bytes, of a directory in entries
	data   uint64 // where a file's content, a link's target or a directory's first entry is
}

func newNode(f rootfs.File) *node {
	n := &node{File: f, mode: modeFile | uint32(f.Mode.Perm()), size: uint64(f.Size)}
	switch {
	case f.Mode.IsDir():
		n.mode, n.size = modeDir|uint32(f.Mode.Perm()), 0
	case f.Mode&fs.ModeSymlink != 0:
		n.mode = modeLink | uint32(f.Mode.Perm())
	}
	return n
}

func (n *node) is(kind uint32) bool { return n.mode&modeKind == kind }

func (n *node) mtime() int64 {
	if n.ModTime.IsZero() {
		return 0
	}
	return n.ModTime.Unix()
}

func newLayout(t *rootfs.Tree) *layout {
	addMountPoints(t)
	l := &layout{}
	ids, children := map[string]uint32{}, map[string][]uint32{}
	for i, f := range t.Files() {
		l.nodes = append(l.nodes, newNode(f))
		ids[f.Path] = uint32(i)
		if i > 0 {
			children[path.Dir(f.Path)] = append(children[path.Dir(f.Path)], uint32(i))
		}
	}
	var dirents, strs bytes.Buffer
	for _, n := range l.nodes {
		switch {
		case n.is(modeLink):
			n.data = uint64(strs.Len())
			strs.WriteString(n.Target)
		case n.is(modeDir):
			n.parent = ids[path.Dir(n.Path)]
			l.addEntries(n, children[n.Path], &dirents, &strs)
		}
	}
	l.inodeOff = pageSize
	l.direntOff = l.inodeOff + uint64(len(l.nodes))*inodeSize
	l.stringOff = l.direntOff + l.entries*direntSize
	l.stringLen = uint64(strs.Len())
	l.end = pageUp(l.stringOff + l.stringLen)
	for _, n := range l.nodes {
		if n.is(modeFile) {
			n.data = l.end
			l.end = pageUp(l.end + n.size)
		}
	}
	var tables bytes.Buffer
	for _, n := range l.nodes {
		le(&tables, n.mode, n.parent, n.size, n.data, n.mtime())
	}
	tables.Write(dirents.Bytes())
	tables.Write(strs.Bytes())
	l.tables = tables.Bytes()
	return l
}

// addEntries appends a directory's entries, which the libOS searches by halves.
func (l *layout) addEntries(dir *node, kids []uint32, dirents, strs *bytes.Buffer) {
	name := func(id uint32) string { return path.Base(l.nodes[id].Path) }
	slices.SortFunc(kids, func(a, b uint32) int { return strings.Compare(name(a), name(b)) })
	dir.data, dir.size = l.entries, uint64(len(kids))
	l.entries += uint64(len(kids))
	for _, id := range kids {
		le(dirents, uint32(strs.Len()), uint32(len(name(id))), id, l.nodes[id].mode>>12)
		strs.WriteString(name(id))
	}
}

// super is the superblock's page.
func (l *layout) super(sum []byte) []byte {
	var b bytes.Buffer
	le(&b, uint32(magic), uint32(version), l.end)
	b.Write(sum)
	le(&b, uint32(len(l.nodes)), uint32(l.entries), l.inodeOff, l.direntOff, l.stringOff, l.stringLen)
	b.Write(make([]byte, pageSize-superSize))
	return b.Bytes()
}

// writeBody writes all that follows the superblock's page.
func (l *layout) writeBody(w io.Writer) (total int64, err error) {
	n, err := emit(w, bytes.NewReader(l.tables), int64(len(l.tables)), "tables")
	total += n
	for _, f := range l.nodes {
		if err != nil {
			return total, err
		}
		if f.is(modeFile) {
			n, err = f.emit(w)
			total += n
		}
	}
	return total, err
}

func (n *node) emit(w io.Writer) (int64, error) {
	if n.Source == "" {
		return emit(w, bytes.NewReader(n.Content), int64(n.size), n.Path)
	}
	f, err := os.Open(n.Source)
	if err != nil {
		return 0, fmt.Errorf("image: %w", err)
	}
	defer f.Close()
	return emit(w, f, int64(n.size), n.Path)
}

// emit copies size bytes and fills the last page.
func emit(w io.Writer, r io.Reader, size int64, what string) (int64, error) {
	n, err := io.CopyN(w, r, size)
	if errors.Is(err, io.EOF) {
		err = fmt.Errorf("the file became shorter while it was read")
	}
	if err == nil {
		var pad int
		pad, err = w.Write(make([]byte, int64(pageUp(uint64(size)))-size))
		n += int64(pad)
	}
	if err != nil {
		return n, fmt.Errorf("image: write %s: %w", what, err)
	}
	return n, nil
}

func pageUp(n uint64) uint64 { return (n + pageSize - 1) &^ (pageSize - 1) }

func le(w *bytes.Buffer, values ...any) {
	for _, v := range values {
		// A bytes.Buffer cannot fail, and all values have a fixed size.
		_ = binary.Write(w, binary.LittleEndian, v)
	}
}
