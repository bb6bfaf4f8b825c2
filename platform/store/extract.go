package store

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// maxLink is the longest target of a symbolic link, PATH_MAX.
const maxLink = 4096

// extraction is the unpacking of one archive into a directory.
type extraction struct {
	dir   string
	left  int64                // bytes that may still be unpacked
	made  map[string]bool      // directories
	plain map[fs.FileMode]bool // modes that the umask leaves as they are
	links []*zip.File
	piece []byte // for copying
}

// extract unpacks an archive into a new directory. It accepts regular files,
// directories, and symbolic links that lead inside the directory. Sizes are those
// of the unpacked bytes, not those that the archive declares. Links come last, so
// that no file is written through a link.
func extract(data []byte, dir string) error {
	r, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return fmt.Errorf("%w: %w", ErrBadZip, err)
	}
	if len(r.File) == 0 {
		return fmt.Errorf("%w: the zip is empty", ErrBadZip)
	}
	if len(r.File) > maxFiles {
		return fmt.Errorf("%w: %d files, the limit is %d", ErrTooLarge, len(r.File), maxFiles)
	}
	if err := os.Mkdir(dir, 0o755); err != nil {
		return err
	}
	x := &extraction{dir: dir, left: MaxUnpackedBytes, made: map[string]bool{".": true}, plain: map[fs.FileMode]bool{},
		piece: make([]byte, 64<<10)}
	for _, f := range r.File {
		if err := x.one(f); err != nil {
			return err
		}
	}
	if err := x.link(); err != nil {
		return err
	}
	return permit(dir)
}

// permit lets other users into the directories of a package, whatever the umask is:
// sandboxes run under users of their own.
func permit(dir string) error {
	if fi, err := os.Stat(dir); err != nil || fi.Mode().Perm() == 0o755 {
		return err
	}
	return filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() {
			err = os.Chmod(path, 0o755)
		}
		return err
	})
}

func (x *extraction) one(f *zip.File) error {
	name := strings.TrimSuffix(f.Name, "/")
	if !filepath.IsLocal(name) || strings.Contains(name, `\`) {
		return fmt.Errorf("%w: path %q leads outside of the package", ErrBadZip, f.Name)
	}
	name = path.Clean(name)
	switch mode := f.Mode(); {
	case mode.IsDir():
		return collision(f.Name, x.directory(name))
	case mode&fs.ModeSymlink != 0:
		x.links = append(x.links, f)
		return nil
	case !mode.IsRegular():
		return fmt.Errorf("%w: %q is neither a file, a directory nor a symbolic link", ErrBadZip, f.Name)
	}
	if err := x.directory(path.Dir(name)); err != nil {
		return collision(f.Name, err)
	}
	in, err := f.Open()
	if err != nil {
		return fmt.Errorf("%w: %q: %w", ErrBadZip, f.Name, err)
	}
	defer in.Close()
	n, err := x.write(filepath.Join(x.dir, name), io.LimitReader(in, x.left+1), 0o644|f.Mode().Perm()&0o111)
	if err != nil {
		return collision(f.Name, err)
	}
	return x.count(n)
}

// count subtracts unpacked bytes from those that may still be unpacked.
func (x *extraction) count(n int64) error {
	if x.left -= n; x.left < 0 {
		return fmt.Errorf("%w: more than %d bytes unpacked", ErrTooLarge, MaxUnpackedBytes)
	}
	return nil
}

// directory makes a directory and those above it, each once.
func (x *extraction) directory(name string) error {
	if x.made[name] {
		return nil
	}
	if err := x.directory(path.Dir(name)); err != nil {
		return err
	}
	if err := os.Mkdir(filepath.Join(x.dir, name), 0o755); err != nil {
		return err
	}
	x.made[name] = true
	return nil
}

// write creates a file that must not exist, with a mode that is not the umask's
// to change.
func (x *extraction) write(to string, r io.Reader, mode fs.FileMode) (n int64, err error) {
	f, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return 0, err
	}
	n, err = io.CopyBuffer(struct{ io.Writer }{f}, r, x.piece) // a File's own way takes a buffer a file
	if err == nil && !x.plain[mode] {
		err = x.ensure(f, mode)
	}
	return n, errors.Join(err, f.Close())
}

// ensure gives a file its mode, and records whether the umask leaves that mode as it
// is.
func (x *extraction) ensure(f *os.File, mode fs.FileMode) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if x.plain[mode] = info.Mode().Perm() == mode; x.plain[mode] {
		return nil
	}
	return f.Chmod(mode)
}

// link makes the symbolic links. The target of a link, also through other links, lies
// in the package; it may be missing.
func (x *extraction) link() error {
	if len(x.links) == 0 {
		return nil
	}
	for _, f := range x.links {
		if err := x.linkOne(f); err != nil {
			return err
		}
	}
	root, err := os.OpenRoot(x.dir)
	if err != nil {
		return err
	}
	defer root.Close()
	for _, f := range x.links {
		// A Root follows links as the kernel does, and refuses to leave.
		if _, err := root.Stat(strings.TrimSuffix(f.Name, "/")); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("%w: symbolic link %q leads outside of the package, or in a circle", ErrBadZip, f.Name)
		}
	}
	return nil
}

func (x *extraction) linkOne(f *zip.File) error {
	name := path.Clean(strings.TrimSuffix(f.Name, "/"))
	in, err := f.Open()
	if err != nil {
		return fmt.Errorf("%w: %q: %w", ErrBadZip, f.Name, err)
	}
	defer in.Close()
	target, err := io.ReadAll(io.LimitReader(in, maxLink))
	switch {
	case err != nil:
		return fmt.Errorf("%w: %q: %w", ErrBadZip, f.Name, err)
	case len(target) == 0 || len(target) == maxLink:
		return fmt.Errorf("%w: symbolic link %q has a target of %d bytes", ErrBadZip, f.Name, len(target))
	case !filepath.IsLocal(path.Join(path.Dir(name), string(target))) || path.IsAbs(string(target)):
		return fmt.Errorf("%w: symbolic link %q leads outside of the package, to %.300q", ErrBadZip, f.Name, target)
	}
	if err := x.count(int64(len(target))); err != nil {
		return err
	}
	if err := x.directory(path.Dir(name)); err != nil {
		return collision(f.Name, err)
	}
	return collision(f.Name, os.Symlink(string(target), filepath.Join(x.dir, name)))
}

// collision tells a fault of the archive from one of the disk.
func collision(name string, err error) error {
	var path *os.PathError
	var link *os.LinkError
	switch {
	case err == nil:
		return nil
	case errors.Is(err, os.ErrExist), errors.Is(err, unix.ENOTDIR), errors.Is(err, unix.EISDIR):
		return fmt.Errorf("%w: %q is in it twice", ErrBadZip, name)
	case errors.Is(err, unix.ENAMETOOLONG), errors.Is(err, unix.EINVAL), errors.Is(err, unix.EILSEQ):
		return fmt.Errorf("%w: %.300q is no name for a file", ErrBadZip, name)
	case errors.As(err, &path), errors.As(err, &link):
		return err
	}
	return fmt.Errorf("%w: %q: %w", ErrBadZip, name, err) // the decompressors' own errors
}
