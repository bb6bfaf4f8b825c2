package mpsc

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

const scheduleDirs = "lambdabench-mpsc-"

// MakeScheduleDir makes a directory for Sandbox.Dir, which the users under whom
// sandboxes run may enter, and returns what removes it. A process that is killed
// leaves its directory behind; the next call of MakeScheduleDir removes it.
func MakeScheduleDir() (dir string, remove func() error, err error) {
	left, err := filepath.Glob(filepath.Join(os.TempDir(), scheduleDirs+"*"))
	if err != nil {
		return "", nil, err
	}
	for _, l := range left {
		removeUnused(l)
	}
	for {
		dir, lock, err := makeLocked()
		switch {
		case err != nil:
			return "", nil, fmt.Errorf("make a directory for schedules: %w", err)
		case lock != nil:
			return dir, func() error { return errors.Join(os.RemoveAll(dir), lock.Close()) }, nil
		}
	}
}

// makeLocked makes a directory and locks it. The lock is nil when another
// process has taken the directory for one that was left behind.
func makeLocked() (string, *os.File, error) {
	dir, err := os.MkdirTemp("", scheduleDirs)
	if err != nil {
		return "", nil, err
	}
	lock, err := lockDir(dir)
	if errors.Is(err, os.ErrNotExist) || errors.Is(err, unix.EWOULDBLOCK) {
		return "", nil, nil
	}
	if err == nil {
		err = os.Chmod(dir, 0o755)
	}
	if errors.Is(err, os.ErrNotExist) { // removed between the two
		return "", nil, lock.Close()
	}
	if err != nil {
		return "", nil, errors.Join(err, os.RemoveAll(dir))
	}
	return dir, lock, nil
}

// removeUnused removes a directory unless a process has it locked, or it is
// another user's.
func removeUnused(dir string) {
	var st unix.Stat_t
	if unix.Lstat(dir, &st) != nil || int(st.Uid) != os.Getuid() || st.Mode&unix.S_IFMT != unix.S_IFDIR {
		return
	}
	lock, err := lockDir(dir)
	if err != nil {
		return
	}
	defer lock.Close()
	_ = os.RemoveAll(dir) // the next process removes what remains
}

// lockDir locks a directory, flock(2), until the file is closed or the process
// ends.
func lockDir(dir string) (*os.File, error) {
	f, err := os.OpenFile(dir, os.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW, 0)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}
