// Package rootfs plans the root file system that a sandbox sees: the files of this host that a language runtime and the
// packages of its functions rely on, and nothing else of the host. A backend writes the plan in its own form, as a
// directory or as a file image, so that a function finds the same files on every backend.
//
//	t, err := rootfs.ForInterpreter(ctx, interpreter)
//	t.AddFile("/etc/resolv.conf", 0o644, nil) // what only this backend has
//	for _, f := range t.Files() { … }         // parents come before children
//
// The package writes nothing, knows no backend and no registry.
package rootfs

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// File is one file, directory or symbolic link of a tree.
type File struct {
	Path    string      // absolute, inside the sandbox; no parent of it is a link
	Mode    fs.FileMode // type and permissions
	Target  string      // of a symbolic link
	Source  string      // the host's file that holds the content; empty where Content does
	Content []byte
	Size    int64
	ModTime time.Time
}

// Tree collects files. The zero value is empty and ready.
type Tree struct {
	files  map[string]File
	linker linker
}

// maxLinks is how many symbolic links one path may lead through, as in the kernel (path_resolution(7)).
const maxLinks = 40

var errLinks = errors.New("too many levels of symbolic links")

// Has reports whether the tree has the path p itself.
func (t *Tree) Has(p string) bool {
	_, ok := t.files[path.Clean(p)]
	return ok
}

// Files returns all files in the order of their paths.
func (t *Tree) Files() []File {
	all := make([]File, 0, len(t.files))
	for _, f := range t.files {
		all = append(all, f)
	}
	slices.SortFunc(all, func(a, b File) int { return strings.Compare(a.Path, b.Path) })
	return all
}

// Key names the content: the same tree of the same files has the same key. Files of the host count by place, size and
// time of change.
func (t *Tree) Key() string {
	h := sha256.New()
	for _, f := range t.Files() {
		sum := sha256.Sum256(f.Content)
		fmt.Fprintf(h, "%q %o %d %d %q %q %x\n", f.Path, f.Mode, f.Size, f.ModTime.UnixNano(), f.Target, f.Source, sum)
	}
	return hex.EncodeToString(h.Sum(nil)[:12])
}

func (t *Tree) put(f File) {
	if t.files == nil {
		t.files = map[string]File{"/": {Path: "/", Mode: fs.ModeDir | 0o755}}
	}
	for dir := path.Dir(f.Path); !t.Has(dir); dir = path.Dir(dir) {
		t.files[dir] = File{Path: dir, Mode: fs.ModeDir | 0o755}
	}
	t.files[f.Path] = f
}

// AddFile places content at the absolute path p, replacing what was there. Links of the tree are followed.
func (t *Tree) AddFile(p string, perm fs.FileMode, content []byte) {
	t.put(File{Path: t.resolve(p), Mode: perm.Perm(), Content: content, Size: int64(len(content))})
}

// AddDir places a directory at the absolute path p. Links of the tree are followed.
func (t *Tree) AddDir(p string, perm fs.FileMode) {
	t.put(File{Path: t.resolve(p), Mode: fs.ModeDir | perm.Perm()})
}

// resolve follows the links that the tree has on the way to p and at p.
func (t *Tree) resolve(p string) string {
	p = path.Clean(p)
	for range maxLinks {
		next, _ := follow(p, func(at string) (string, error) { return t.files[at].Target, nil })
		if next == "" {
			break
		}
		p = next
	}
	return p
}

// follow walks down p and asks each name on the way for the target of its link. It
// returns p without the first link that it meets; empty where there is none.
func follow(p string, target func(at string) (string, error)) (string, error) {
	parts := strings.Split(strings.TrimPrefix(p, "/"), "/")
	for at, i := "/", 0; i < len(parts); i++ {
		cur := path.Join(at, parts[i])
		to, err := target(cur)
		if err != nil {
			return "", err
		}
		if to == "" {
			at = cur
			continue
		}
		if !path.IsAbs(to) {
			to = path.Join(at, to)
		}
		return path.Join(append([]string{to}, parts[i+1:]...)...), nil
	}
	return "", nil
}

// AddHost adds the host's file, link or directory p under the same path, and all that a link leads to. A directory is
// added without its content (see AddTree).
func (t *Tree) AddHost(p string) error {
	p = path.Clean(p)
	at := p
	for range maxLinks {
		next, err := follow(at, t.addLink)
		if err != nil {
			return fmt.Errorf("add %s: %w", p, err)
		}
		if next == "" {
			return t.addOne(at)
		}
		at = next
	}
	return fmt.Errorf("add %s: %w", p, errLinks)
}

// addLink adds p if the host has a link there, and returns its target.
func (t *Tree) addLink(p string) (string, error) {
	st, err := os.Lstat(p)
	if err != nil || st.Mode()&fs.ModeSymlink == 0 {
		return "", err
	}
	target, err := os.Readlink(p)
	if err != nil {
		return "", err
	}
	t.put(File{Path: p, Mode: fs.ModeSymlink | 0o777, Target: target, Size: int64(len(target)), ModTime: st.ModTime()})
	return target, nil
}

// addOne adds p, which is no link. Whoever runs in the sandbox may read the file: the user that owns it on the host is
// another one there.
func (t *Tree) addOne(p string) error {
	if t.files[p].Mode.IsDir() {
		return nil
	}
	st, err := os.Lstat(p)
	if err != nil {
		return fmt.Errorf("add %s: %w", p, err)
	}
	switch {
	case st.IsDir():
		t.put(File{Path: p, Mode: fs.ModeDir | st.Mode().Perm()&0o755 | 0o555, ModTime: st.ModTime()})
	case st.Mode().IsRegular():
		t.put(File{Path: p, Mode: st.Mode().Perm()&0o755 | 0o444, Source: p, Size: st.Size(), ModTime: st.ModTime()})
	default:
		return fmt.Errorf("add %s: neither a file, a directory nor a link", p)
	}
	return nil
}

// AddTree adds the host's directory p with all that lies under it. Devices, sockets
// and links that lead nowhere are left out. skip is asked for every path below p; it
// may be nil.
func (t *Tree) AddTree(p string, skip func(path string, d fs.DirEntry) bool) error {
	if err := t.AddHost(p); err != nil {
		return err
	}
	root, err := filepath.EvalSymlinks(p)
	if err != nil {
		return fmt.Errorf("add the tree %s: %w", p, err)
	}
	return filepath.WalkDir(root, func(q string, d fs.DirEntry, err error) error {
		if err != nil {
			return fmt.Errorf("add the tree %s: %w", p, err)
		}
		switch {
		case q != root && skip != nil && skip(q, d):
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		case d.Type()&fs.ModeSymlink != 0:
			if st, err := os.Stat(q); err != nil || !st.IsDir() && !st.Mode().IsRegular() {
				return nil
			}
		case !d.IsDir() && !d.Type().IsRegular():
			return nil
		}
		return t.AddHost(q)
	})
}

// addOptional adds files and trees where the host has them. Only what every user of the host may read is taken: a
// private key beside certificates is none of a function's business.
func (t *Tree) addOptional(paths ...string) error {
	for _, p := range paths {
		if !public(p) {
			continue
		}
		err := t.AddTree(p, func(q string, d fs.DirEntry) bool {
			info, err := d.Info()
			hidden := err != nil || info.Mode().Perm()&0o004 == 0
			return hidden || d.Type()&fs.ModeSymlink != 0 && !public(q) || repeated[q]
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// repeated are the time zones a second and a third time, with and without leap seconds.
var repeated = map[string]bool{"/usr/share/zoneinfo/posix": true, "/usr/share/zoneinfo/right": true}

// public reports whether p is there and every user may reach and read it.
func public(p string) bool {
	real, err := filepath.EvalSymlinks(p)
	for want := fs.FileMode(0o004); err == nil; want = 0o001 {
		var st fs.FileInfo
		if st, err = os.Stat(real); err != nil || st.Mode().Perm()&want == 0 {
			return false
		}
		if real == "/" {
			return true
		}
		real = filepath.Dir(real)
	}
	return false
}
