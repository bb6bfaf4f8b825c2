package store

import (
	"context"
	"fmt"

	"golang.org/x/sys/unix"
)

// leastRoom is how many free bytes a change of a function takes at least.
const leastRoom = 1 << 20

// Health is nil while the store can read and write its directory. Otherwise the
// error says why it cannot. It writes nothing.
func (s *Store) Health(ctx context.Context) error {
	var one int
	if err := s.db.QueryRowContext(ctx, "SELECT 1").Scan(&one); err != nil {
		return fmt.Errorf("the database does not answer: %w", err)
	}
	if err := s.file.Check(); err != nil {
		return fmt.Errorf("what is written is lost: %w", err)
	}
	var fs unix.Statfs_t
	if err := unix.Statfs(s.dir, &fs); err != nil {
		return fmt.Errorf("statfs %s: %w", s.dir, err)
	}
	switch {
	case fs.Flags&unix.ST_RDONLY != 0:
		return fmt.Errorf("the file system of %s is read-only: mount it for writing", s.dir)
	case fs.Bavail*uint64(fs.Bsize) < leastRoom:
		return fmt.Errorf("the file system of %s is full: make room", s.dir)
	}
	return nil
}
