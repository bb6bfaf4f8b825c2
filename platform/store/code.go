package store

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Bounds of a package (AWS Lambda quotas: 50 MB zipped, 250 MB unpacked).
const (
	MaxZipBytes      = 50 << 20
	MaxUnpackedBytes = 250 << 20
	maxFiles         = 100_000
)

// code/SHA256/package.zip is the archive, code/SHA256/task its content.
func (s *Store) codeDir() string           { return filepath.Join(s.dir, "code") }
func (s *Store) tempDir() string           { return filepath.Join(s.dir, "temp") }
func (s *Store) taskDir(sha string) string { return filepath.Join(s.codeDir(), sha, "task") }

// Archive is the path of a function's zip.
func (s *Store) Archive(fn *Function) string {
	return filepath.Join(s.codeDir(), fn.CodeSHA256, "package.zip")
}

// packaged is a package in its place.
type packaged struct {
	sha  string
	size int64
}

// unpack puts packages into place that are not there yet, and syncs them with
// one syncfs(2) for all: a package of a thousand files, or a thousand packages
// of one, cost as much as one file. Errors wrap ErrBadZip or ErrTooLarge when a
// package is at fault, ErrDiskFull when the disk is.
func (s *Store) unpack(zips ...[]byte) ([]packaged, error) {
	all := make([]packaged, len(zips))
	asides := map[string]string{} // packages that are new, by hash
	defer func() {
		for _, aside := range asides {
			os.RemoveAll(aside)
		}
	}()
	for i, data := range zips {
		if i > 0 && same(data, zips[i-1]) {
			all[i] = all[i-1]
			continue
		}
		var err error
		if all[i], err = s.unpackNew(data, asides); err != nil {
			return nil, fmt.Errorf("unpack the code: %w", diskFull(err))
		}
	}
	if err := s.place(asides); err != nil {
		return nil, fmt.Errorf("unpack the code: %w", diskFull(err))
	}
	return all, nil
}

// same reports whether two slices are one, so that it need not be hashed again.
func same(a, b []byte) bool {
	return len(a) == len(b) && (len(a) == 0 || &a[0] == &b[0])
}

// unpackNew unpacks a package aside unless it is there already.
func (s *Store) unpackNew(data []byte, asides map[string]string) (packaged, error) {
	if len(data) > MaxZipBytes {
		return packaged{}, fmt.Errorf("%w: the zip has %d bytes, the limit is %d", ErrTooLarge, len(data), MaxZipBytes)
	}
	sum := sha256.Sum256(data)
	p := packaged{sha: hex.EncodeToString(sum[:]), size: int64(len(data))}
	s.hold(p.sha)
	if _, err := os.Stat(s.taskDir(p.sha)); err == nil || asides[p.sha] != "" {
		return p, nil
	}
	aside, err := os.MkdirTemp(s.tempDir(), "code-")
	if err != nil {
		return packaged{}, err
	}
	asides[p.sha] = aside
	if err := os.Chmod(aside, 0o755); err != nil {
		return packaged{}, err
	}
	if err := writeFile(filepath.Join(aside, "package.zip"), bytes.NewReader(data), 0o600); err != nil {
		return packaged{}, err
	}
	return p, extract(data, filepath.Join(aside, "task"))
}

// place moves unpacked packages to where records may name them.
func (s *Store) place(asides map[string]string) error {
	if len(asides) == 0 {
		return nil
	}
	dir, err := os.Open(s.codeDir())
	if err != nil {
		return err
	}
	defer dir.Close()
	if err := unix.Syncfs(int(dir.Fd())); err != nil {
		return os.NewSyscallError("syncfs", err)
	}
	for sha, aside := range asides {
		err := unix.Rename(aside, filepath.Join(s.codeDir(), sha))
		if err != nil && !errors.Is(err, unix.ENOTEMPTY) && !errors.Is(err, unix.EEXIST) {
			return os.NewSyscallError("rename", err)
		} // else another upload of the same code was first
		if err == nil {
			delete(asides, sha)
		}
		s.hold(sha)
	}
	return dir.Sync()
}

// hold keeps Sweep from a package that no record names yet, and has Sweep take
// it later if none ever does.
func (s *Store) hold(sha string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.uses[sha] == 0 {
		s.retired[sha] = time.Now()
	}
}

// extract unpacks an archive into a new directory. Only regular files and
// directories inside of it are taken; what decides is what is really unpacked,
// not what the archive says of itself.
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
	left := int64(MaxUnpackedBytes)
	for _, f := range r.File {
		n, err := extractOne(f, dir, left)
		if err != nil {
			return err
		}
		left -= n
	}
	return permit(dir)
}

// permit lets other users into the directories of a package, as sandboxes run
// under their own, whatever the umask is.
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

func extractOne(f *zip.File, dir string, left int64) (int64, error) {
	name := strings.TrimSuffix(f.Name, "/")
	if !filepath.IsLocal(name) || strings.Contains(name, `\`) {
		return 0, fmt.Errorf("%w: path %q leads outside of the package", ErrBadZip, f.Name)
	}
	to := filepath.Join(dir, name)
	mode := f.Mode()
	switch {
	case mode.IsDir():
		return 0, collision(f.Name, os.MkdirAll(to, 0o755))
	case !mode.IsRegular():
		return 0, fmt.Errorf("%w: %q is neither a file nor a directory", ErrBadZip, f.Name)
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return 0, collision(f.Name, err)
	}
	in, err := f.Open()
	if err != nil {
		return 0, fmt.Errorf("%w: %q: %w", ErrBadZip, f.Name, err)
	}
	defer in.Close()
	bounded := &countingReader{r: io.LimitReader(in, left+1)}
	if err := writeFile(to, bounded, 0o644|mode.Perm()&0o111); err != nil {
		return 0, collision(f.Name, err)
	}
	if bounded.n > left {
		return 0, fmt.Errorf("%w: more than %d bytes unpacked", ErrTooLarge, MaxUnpackedBytes)
	}
	return bounded.n, nil
}

// collision tells an archive's fault from the disk's.
func collision(name string, err error) error {
	var path *os.PathError
	switch {
	case err == nil:
		return nil
	case errors.Is(err, os.ErrExist), errors.Is(err, unix.ENOTDIR), errors.Is(err, unix.EISDIR):
		return fmt.Errorf("%w: %q is in it twice", ErrBadZip, name)
	case errors.Is(err, unix.ENAMETOOLONG), errors.Is(err, unix.EINVAL), errors.Is(err, unix.EILSEQ):
		return fmt.Errorf("%w: %.300q is no name for a file", ErrBadZip, name)
	case errors.As(err, &path):
		return err
	}
	return fmt.Errorf("%w: %q: %w", ErrBadZip, name, err) // the decompressors' own errors
}

type countingReader struct {
	r io.Reader
	n int64
}

func (c *countingReader) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}

// writeFile creates a file that must not exist.
func writeFile(path string, r io.Reader, mode os.FileMode) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, r)
	if err == nil {
		err = f.Chmod(mode) // whatever the umask is
	}
	return errors.Join(err, f.Close())
}
