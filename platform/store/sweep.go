package store

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/lambdabench/lambdabench/platform/sqlite"
)

// Sweep removes packages that no version has named for at least idle; until then
// running sandboxes may still read them. It returns the number of removed packages. A package
// that cannot be removed stays until the next start.
func (s *Store) Sweep(idle time.Duration) (int, error) {
	s.writes.Lock() // so that no record begins to name one of the packages
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
			errs = append(errs, fmt.Errorf("remove package %s: %w", sha, err))
		}
	}
	return len(gone) - len(errs), errors.Join(errs...)
}

// remove renames a package before it deletes it, so that no package is ever
// incomplete.
func (s *Store) remove(sha string) error {
	aside := filepath.Join(s.tempDir(), "old-"+sha)
	if err := os.Rename(filepath.Join(s.codeDir(), sha), aside); err != nil {
		return err
	}
	return os.RemoveAll(aside)
}

// retireUnnamed has Sweep remove packages that no record names, as a crash between
// unpacking and recording leaves them. They stay while something that could name
// them was not read: a copy of it is there (sqlite.Damaged), or the database was taken
// away.
func (s *Store) retireUnnamed(fresh bool) error {
	found, err := os.ReadDir(s.codeDir())
	if err != nil {
		return err
	}
	if fresh && len(found) > 0 {
		s.damage = append(s.damage,
			fmt.Sprintf("there was no %s, but there are %d packages: no function has them; put the database "+
				"back, or remove %s and %s",
				databaseFile, len(found), s.codeDir(), s.aside()))
		if err := os.MkdirAll(s.aside(), 0o700); err != nil {
			return err
		}
	}
	if damaged, err := sqlite.Damaged(s.dir); len(damaged) > 0 || err != nil {
		return err
	}
	for _, d := range found {
		if s.uses[d.Name()] == 0 {
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
