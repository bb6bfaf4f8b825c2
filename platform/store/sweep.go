package store

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

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

// retireUnnamed has Sweep take packages that no record names, as a crash between
// unpacking and recording leaves them. While something is damaged they stay: a
// record that cannot be read may name them.
func (s *Store) retireUnnamed() error {
	found, err := os.ReadDir(s.codeDir())
	if err != nil {
		return err
	}
	var damaged int
	if err := s.db.QueryRow(`SELECT count(*) FROM damaged`).Scan(&damaged); err != nil {
		return err
	}
	for _, d := range found {
		if s.uses[d.Name()] == 0 && damaged == 0 {
			s.retired[d.Name()] = time.Now()
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
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		f.Close()
		return nil, fmt.Errorf("%w (flock: %w)", ErrInUse, err)
	}
	return f, nil
}
