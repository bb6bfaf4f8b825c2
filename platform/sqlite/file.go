package sqlite

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// ErrGone is the error of a database whose file was removed or replaced while the
// database is open: further writes are lost.
var ErrGone = errors.New("the file was removed or replaced under the running platform; stop it, put the " +
	"directory back and start it again")

// suffixes are the endings of the files of a database.
var suffixes = []string{"", "-wal", "-shm", "-journal"}

// private makes the database at path, where there is none, and has this user
// alone read its files. SQLite gives those that it makes the mode of the
// database. What is wrong shows at the first statement.
func private(path string) {
	if f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600); err == nil {
		f.Close()
	}
	for _, s := range suffixes {
		if info, err := os.Stat(path + s); err == nil && info.Mode().IsRegular() && info.Mode().Perm()&0o077 != 0 {
			_ = os.Chmod(path+s, info.Mode().Perm()&^0o077)
		}
	}
}

// Place is where the file of an open database lies.
type Place struct {
	path string
	info os.FileInfo
}

// PlaceOf returns the place of a database that was opened just now.
func PlaceOf(path string) (Place, error) {
	info, err := os.Stat(path)
	return Place{path, info}, err
}

// Check is nil while the file is where it was. Otherwise the error wraps
// ErrGone: a commit that returned before is not on disk for the next start.
func (p Place) Check() error {
	info, err := os.Stat(p.path)
	if err != nil || !os.SameFile(info, p.info) {
		return fmt.Errorf("%s: %w", p.path, ErrGone)
	}
	return nil
}

// Rescue copies a database whose write-ahead log is damaged, with the log, to
// the directory into, before Open has SQLite drop what follows the damage. It
// returns an error that says so, and where the copies are; ok is false when
// there is no copy. A sound database has neither.
func Rescue(path, into string) (damage error, ok bool) {
	lost, err := lostFrames(path + "-wal")
	switch {
	case err != nil:
		damage = fmt.Errorf("%s cannot be read: %w", filepath.Base(path)+"-wal", err)
	case lost > 0:
		damage = fmt.Errorf("%s is damaged: %d pages of acknowledged changes that follow the damage cannot be read",
			filepath.Base(path)+"-wal", lost)
	default:
		return nil, true
	}
	for _, s := range []string{"", "-wal"} {
		if err := copyFile(path+s, filepath.Join(into, filepath.Base(path)+s)); err != nil {
			return fmt.Errorf("%w; and no copy of it could be made: %w", damage, err), false
		}
	}
	return damage, true
}

// copyFile makes a copy that is on disk, for this user alone.
func copyFile(from, to string) error {
	if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
		return err
	}
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	if err == nil {
		err = out.Sync()
	}
	return errors.Join(err, out.Close())
}
