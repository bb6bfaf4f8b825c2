package rootfs

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"
)

// CacheDir returns the directory for images that were written, and makes it where it is missing: in XDG_CACHE_HOME, in
// .cache of HOME, or in TMPDIR (/tmp), whichever this user can write to first. The home of a service user is often not
// there.
func CacheDir() (string, error) {
	var errs []error
	for _, dir := range cacheDirs() {
		err := makeOwn(dir)
		if err == nil {
			return dir, nil
		}
		errs = append(errs, err)
	}
	return "", fmt.Errorf("no directory for images (%w): set XDG_CACHE_HOME to a directory that this user can write to",
		errors.Join(errs...))
}

func cacheDirs() []string {
	var dirs []string
	if dir := os.Getenv("XDG_CACHE_HOME"); filepath.IsAbs(dir) { // others are to be ignored, says the specification
		dirs = append(dirs, filepath.Join(dir, "lambdabench", "images"))
	}
	if home := os.Getenv("HOME"); filepath.IsAbs(home) {
		dirs = append(dirs, filepath.Join(home, ".cache", "lambdabench", "images"))
	}
	return append(dirs, filepath.Join(os.TempDir(), "lambdabench-"+strconv.Itoa(os.Geteuid()), "images"))
}

// makeOwn makes a directory that this user can write to, and nobody else can: what is in it runs in sandboxes. In /tmp
// another user may have been there first.
func makeOwn(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for _, d := range []string{filepath.Dir(dir), dir} {
		var st unix.Stat_t
		if err := unix.Stat(d, &st); err != nil {
			return &os.PathError{Op: "stat", Path: d, Err: err}
		}
		if int(st.Uid) != os.Geteuid() || st.Mode&unix.S_IFMT != unix.S_IFDIR || st.Mode&0o022 != 0 {
			return fmt.Errorf("%s belongs to another user, or others can write to it", d)
		}
	}
	if err := unix.Faccessat(unix.AT_FDCWD, dir, unix.W_OK|unix.X_OK, unix.AT_EACCESS); err != nil {
		return &os.PathError{Op: "write to", Path: dir, Err: err}
	}
	return nil
}
