package store

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

const lockFile = "lock"

// secure makes the directory where there is none, and locks it for this process with
// flock(2) until the process ends. The directory is for this user alone then, unless
// it holds files of other programs.
func secure(dir string) (*os.File, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	lock, err := lockDir(dir)
	if err != nil {
		return nil, err
	}
	ours, err := holdsOurs(dir)
	if err == nil && ours {
		err = privateDir(dir)
	}
	if err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	return lock, nil
}

// holdsOurs tells whether all that lies in a directory is a platform's, or for
// this user alone already.
func holdsOurs(dir string) (bool, error) {
	found, err := os.ReadDir(dir)
	if err != nil {
		return false, err
	}
	for _, d := range found {
		info, err := d.Info()
		if err != nil {
			return false, err
		}
		name := d.Name()
		ours := name == "code" || name == "temp" || strings.HasPrefix(name, databaseFile) ||
			strings.HasPrefix(name, "openwhisk.db")
		if !ours && info.Mode().Perm()&0o077 != 0 && name != lockFile {
			return false, nil
		}
	}
	return true, nil
}

// privateDir has this user alone enter a directory, which is made where it is
// missing.
func privateDir(dir string) error {
	err := os.Mkdir(dir, 0o700)
	if err != nil && !errors.Is(err, os.ErrExist) {
		return err
	}
	info, err := os.Stat(dir)
	if err != nil || info.Mode().Perm()&0o077 == 0 {
		return err
	}
	if err := os.Chmod(dir, 0o700); err != nil {
		return fmt.Errorf("%w; give it to the platform's user, or choose another directory", err)
	}
	return nil
}

// lockDir locks the directory for this process.
func lockDir(dir string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, lockFile), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := f.Chmod(0o600); err != nil { // another user who may open the file could lock it
		return nil, errors.Join(err, f.Close())
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		f.Close()
		return nil, fmt.Errorf("%w (flock: %w)", ErrInUse, err)
	}
	return f, nil
}
