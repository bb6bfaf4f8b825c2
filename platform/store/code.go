package store

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
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

// same reports whether two slices are the same memory, which need not be hashed again.
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
	if err := os.WriteFile(filepath.Join(aside, "package.zip"), data, 0o600); err != nil {
		return packaged{}, err
	}
	return p, extract(data, filepath.Join(aside, "task"))
}

// place moves unpacked packages to the directories that records name.
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

// hold keeps Sweep from a package that no record names yet. Sweep removes the package
// later if no record ever names it.
func (s *Store) hold(sha string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.uses[sha] == 0 {
		s.retired[sha] = time.Now()
	}
}
