package store

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
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

type packaged struct {
	sha  string
	size int64
}

// unpack puts a package into place, if it is not there yet. Its errors wrap
// ErrBadZip or ErrTooLarge when the package is at fault.
func (s *Store) unpack(data []byte) (packaged, error) {
	if len(data) > MaxZipBytes {
		return packaged{}, fmt.Errorf("%w: the zip has %d bytes, the limit is %d", ErrTooLarge, len(data), MaxZipBytes)
	}
	sum := sha256.Sum256(data)
	p := packaged{sha: hex.EncodeToString(sum[:]), size: int64(len(data))}
	s.hold(p.sha)
	if _, err := os.Stat(s.taskDir(p.sha)); err == nil {
		return p, nil
	}
	if err := s.unpackAside(data, p.sha); err != nil {
		return packaged{}, fmt.Errorf("unpack the code: %w", err)
	}
	s.hold(p.sha)
	return p, nil
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

func (s *Store) unpackAside(data []byte, sha string) error {
	aside, err := os.MkdirTemp(s.tempDir(), "code-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(aside)
	if err := os.Chmod(aside, 0o755); err != nil {
		return err
	}
	if err := writeFile(filepath.Join(aside, "package.zip"), bytes.NewReader(data), 0o644); err != nil {
		return err
	}
	if err := extract(data, filepath.Join(aside, "task")); err != nil {
		return err
	}
	if err := unix.Rename(aside, filepath.Join(s.codeDir(), sha)); err != nil && !errors.Is(err, unix.ENOTEMPTY) && !errors.Is(err, unix.EEXIST) {
		return err
	} // else another upload of the same code was first
	return syncDir(s.codeDir())
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
	return syncDir(dir)
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
		return 0, os.MkdirAll(to, 0o755)
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
	switch {
	case errors.Is(err, os.ErrExist), errors.Is(err, unix.ENOTDIR), errors.Is(err, unix.EISDIR):
		return fmt.Errorf("%w: %q is in it twice", ErrBadZip, name)
	case errors.Is(err, zip.ErrChecksum), errors.Is(err, zip.ErrFormat), errors.Is(err, zip.ErrAlgorithm), errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("%w: %q: %w", ErrBadZip, name, err)
	}
	var path *os.PathError
	if errors.As(err, &path) {
		return err
	}
	return fmt.Errorf("%w: %q: %w", ErrBadZip, name, err) // the decompressor's own errors have no type
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

// writeFile creates a file that must not exist, and syncs it.
func writeFile(path string, r io.Reader, mode os.FileMode) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, r)
	if err == nil {
		err = f.Chmod(mode) // whatever the umask is
	}
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

// Sweep removes packages that no version has named for at least idle: until
// then sandboxes that run may still read them. It returns how many went.
func (s *Store) Sweep(idle time.Duration) (int, error) {
	s.writes.Lock() // no record can begin to name one of them
	defer s.writes.Unlock()
	var gone []string
	s.mu.Lock()
	for sha, since := range s.retired {
		if s.uses[sha] == 0 && time.Since(since) >= idle {
			gone = append(gone, sha)
			delete(s.retired, sha)
		}
	}
	s.mu.Unlock()
	var errs []error
	for _, sha := range gone {
		if err := s.remove(sha); err != nil && !errors.Is(err, os.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	return len(gone), errors.Join(errs...)
}

// remove takes a package out of sight first, so that none is ever half there.
func (s *Store) remove(sha string) error {
	aside := filepath.Join(s.tempDir(), "old-"+sha)
	if err := os.Rename(filepath.Join(s.codeDir(), sha), aside); err != nil {
		return err
	}
	return os.RemoveAll(aside)
}

// removeUnnamed removes packages that no record names.
func (s *Store) removeUnnamed() error {
	found, err := os.ReadDir(s.codeDir())
	if err != nil {
		return err
	}
	for _, d := range found {
		if s.uses[d.Name()] == 0 {
			if err := s.remove(d.Name()); err != nil {
				return err
			}
		}
	}
	return nil
}

func emptyDir(dir string) error {
	found, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, d := range found {
		if err := os.RemoveAll(filepath.Join(dir, d.Name())); err != nil {
			return err
		}
	}
	return nil
}

// lockDir takes the directory for this process, flock(2), until it ends.
func lockDir(dir string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		f.Close()
		return nil, fmt.Errorf("%w (flock: %w)", ErrInUse, err)
	}
	return f, nil
}
