// Package image builds the read-only file image that all unikernel contexts of a host share (abi/uc_image.h): the
// language runtime, its libraries and the few files of /etc that they read. It is not an archive format for users: a
// function's package goes into the guest's own tmpfs.
//
//	var b image.Builder
//	b.AddTree("/usr/lib/python3.11")
//	b.AddProgram("/usr/bin/python3")
//	n, err := b.WriteTo(f)
package image

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"sort"
	"strings"
)

// The constants mirror abi/uc_image.h.
const (
	magic      = 0x31494355
	version    = 1
	pageSize   = 4096
	superSize  = 88
	inodeSize  = 32
	direntSize = 16

	modeDir  = 0o040000
	modeFile = 0o100000
	modeLink = 0o120000
)

// Builder collects files; the zero value is an empty tree with the directories that the libOS mounts over.
type Builder struct {
	nodes map[string]*node
}

type node struct {
	mode    uint32
	mtime   int64
	target  string // symbolic link
	host    string // file whose content is read when the image is written
	content []byte // or the content itself
	size    int64
	id      uint32
	data    uint64
}

var mountPoints = []string{"/dev", "/proc", "/sys", "/tmp", "/var/tmp", "/var/task", "/etc"}

func (b *Builder) init() {
	if b.nodes != nil {
		return
	}
	b.nodes = map[string]*node{"/": {mode: modeDir | 0o755}}
	for _, p := range mountPoints {
		b.dir(p)
	}
}

func (b *Builder) dir(p string) {
	for p = path.Clean(p); b.nodes[p] == nil; p = path.Dir(p) {
		b.nodes[p] = &node{mode: modeDir | 0o755}
	}
}

// AddFile places content at the absolute path p with the given permissions, replacing what was there.
func (b *Builder) AddFile(p string, perm fs.FileMode, content []byte) {
	b.init()
	b.dir(path.Dir(p))
	b.nodes[path.Clean(p)] = &node{mode: modeFile | uint32(perm.Perm()), content: content, size: int64(len(content))}
}

// Has reports whether p was added.
func (b *Builder) Has(p string) bool { return b.nodes[path.Clean(p)] != nil }

// AddHost adds the host's file, link or directory p under the same path, and what a link points to. A directory is added
// without its content (see AddTree).
func (b *Builder) AddHost(p string) error {
	b.init()
	p = path.Clean(p)
	for depth := 0; depth < 40; depth++ {
		real, link, err := b.resolveParents(p)
		if err != nil {
			return fmt.Errorf("image: add %s: %w", p, err)
		}
		if link == "" {
			return b.addOne(real)
		}
		p = link
	}
	return fmt.Errorf("image: add %s: too many levels of symbolic links", p)
}

// resolveParents adds every symbolic link on the way to p, and returns p with its parents resolved, or the next name to
// look at when p itself is a link.
func (b *Builder) resolveParents(p string) (real, next string, err error) {
	parts := strings.Split(strings.TrimPrefix(p, "/"), "/")
	at := "/"
	for i, part := range parts {
		cur := path.Join(at, part)
		st, err := os.Lstat(cur)
		if err != nil {
			return "", "", err
		}
		if st.Mode()&fs.ModeSymlink == 0 {
			at = cur
			continue
		}
		target, err := os.Readlink(cur)
		if err != nil {
			return "", "", err
		}
		b.dir(at)
		b.nodes[cur] = &node{mode: modeLink | 0o777, target: target, size: int64(len(target)), mtime: st.ModTime().Unix()}
		if !path.IsAbs(target) {
			target = path.Join(at, target)
		}
		return "", path.Join(append([]string{target}, parts[i+1:]...)...), nil
	}
	return at, "", nil
}

func (b *Builder) addOne(p string) error {
	if old := b.nodes[p]; old != nil && old.mode&modeDir != 0 {
		return nil
	}
	st, err := os.Lstat(p)
	if err != nil {
		return fmt.Errorf("image: add: %w", err)
	}
	n := &node{mtime: st.ModTime().Unix(), mode: uint32(st.Mode().Perm())}
	switch {
	case st.IsDir():
		n.mode |= modeDir
	case st.Mode().IsRegular():
		n.mode |= modeFile
		n.host, n.size = p, st.Size()
	default:
		return fmt.Errorf("image: add %s: neither a file, a directory nor a link", p)
	}
	b.dir(path.Dir(p))
	b.nodes[p] = n
	return nil
}

// AddTree adds the host's directory p with all that lies under it. Devices, sockets and dangling links are left out; skip, which may
// be nil, is asked for every path below p.
func (b *Builder) AddTree(p string, skip func(path string) bool) error {
	if err := b.AddHost(p); err != nil {
		return err
	}
	root, err := filepath.EvalSymlinks(p)
	if err != nil {
		return fmt.Errorf("image: add tree: %w", err)
	}
	return filepath.WalkDir(root, func(q string, d fs.DirEntry, err error) error {
		if err != nil {
			return fmt.Errorf("image: add tree %s: %w", p, err)
		}
		switch {
		case q != root && skip != nil && skip(q):
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		case d.Type()&fs.ModeSymlink != 0:
			if _, err := os.Stat(q); err != nil {
				return nil
			}
		case !d.IsDir() && !d.Type().IsRegular():
			return nil
		}
		return b.AddHost(q)
	})
}

// WriteTo writes the image. The same files give the same bytes.
func (b *Builder) WriteTo(w io.Writer) (int64, error) {
	b.init()
	names := make([]string, 0, len(b.nodes))
	for p := range b.nodes {
		names = append(names, p)
	}
	sort.Strings(names)
	children := map[string][]string{}
	for i, p := range names {
		b.nodes[p].id = uint32(i)
		if p != "/" {
			children[path.Dir(p)] = append(children[path.Dir(p)], p)
		}
	}
	var dirents, strs bytes.Buffer
	entries := uint64(0)
	for _, p := range names {
		n := b.nodes[p]
		if n.mode&modeLink == modeLink {
			n.data = uint64(strs.Len())
			strs.WriteString(n.target)
			continue
		}
		if n.mode&modeFile != 0 {
			continue
		}
		kids := children[p]
		sort.Slice(kids, func(i, j int) bool { return path.Base(kids[i]) < path.Base(kids[j]) })
		n.data, n.size = entries, int64(len(kids))
		entries += uint64(len(kids))
		for _, k := range kids {
			name := path.Base(k)
			le(&dirents, uint32(strs.Len()), uint32(len(name)), b.nodes[k].id, b.nodes[k].mode>>12)
			strs.WriteString(name)
		}
	}
	inodeOff := uint64(pageSize)
	direntOff := inodeOff + uint64(len(names))*inodeSize
	stringOff := direntOff + entries*direntSize
	end := pageUp(stringOff + uint64(strs.Len()))
	for _, p := range names {
		if n := b.nodes[p]; n.mode&modeLink == modeFile {
			n.data = end
			end = pageUp(end + uint64(n.size))
		}
	}
	var meta bytes.Buffer
	for _, p := range names {
		n := b.nodes[p]
		parent := uint32(0)
		if n.mode&modeDir != 0 && n.mode&modeFile == 0 {
			parent = b.nodes[path.Dir(p)].id
		}
		le(&meta, n.mode, parent, uint64(n.size), n.data, n.mtime)
	}
	meta.Write(dirents.Bytes())
	meta.Write(strs.Bytes())

	// The superblock holds the checksum of what follows, so the files are read twice: once to sum, once to write.
	sum := sha256.New()
	if _, err := b.writeBody(sum, names, meta.Bytes()); err != nil {
		return 0, err
	}
	var super bytes.Buffer
	le(&super, uint32(magic), uint32(version), end)
	super.Write(sum.Sum(nil))
	le(&super, uint32(len(names)), uint32(entries), inodeOff, direntOff, stringOff, uint64(strs.Len()))
	super.Write(make([]byte, pageSize-superSize))
	if _, err := w.Write(super.Bytes()); err != nil {
		return 0, fmt.Errorf("image: write: %w", err)
	}
	n, err := b.writeBody(w, names, meta.Bytes())
	return n + pageSize, err
}

func (b *Builder) writeBody(w io.Writer, names []string, meta []byte) (int64, error) {
	total := int64(0)
	emit := func(r io.Reader, size int64, what string) error {
		n, err := io.Copy(w, io.LimitReader(r, size))
		if err == nil && n != size {
			err = fmt.Errorf("it became shorter while being read")
		}
		if err == nil {
			_, err = w.Write(make([]byte, int64(pageUp(uint64(size)))-size))
		}
		if err != nil {
			return fmt.Errorf("image: write %s: %w", what, err)
		}
		total += int64(pageUp(uint64(size)))
		return nil
	}
	if err := emit(bytes.NewReader(meta), int64(len(meta)), "tables"); err != nil {
		return total, err
	}
	for _, p := range names {
		n := b.nodes[p]
		if n.mode&modeLink != modeFile {
			continue
		}
		if n.host == "" {
			if err := emit(bytes.NewReader(n.content), n.size, p); err != nil {
				return total, err
			}
			continue
		}
		f, err := os.Open(n.host)
		if err != nil {
			return total, fmt.Errorf("image: %w", err)
		}
		err = emit(f, n.size, p)
		f.Close()
		if err != nil {
			return total, err
		}
	}
	return total, nil
}

func pageUp(n uint64) uint64 { return (n + pageSize - 1) &^ (pageSize - 1) }

func le(w *bytes.Buffer, values ...any) {
	for _, v := range values {
		// A bytes.Buffer cannot fail, and all values have a fixed size.
		_ = binary.Write(w, binary.LittleEndian, v)
	}
}
