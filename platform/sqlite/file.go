package sqlite

import (
	"errors"
	"fmt"
	"os"
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
