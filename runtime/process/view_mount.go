package process

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/lambdabench/lambdabench/runtime/driver"
)

// enter moves the calling thread, which shares its file system attributes with
// no other, into a new mount namespace with the view as its root. owner is who
// may write to /var/task.
func (v *view) enter(owner uint32) error {
	if err := unix.Unshare(unix.CLONE_NEWNS); err != nil {
		return fmt.Errorf("unshare mount namespace: %w", err)
	}
	const flags = unix.MS_NOSUID | unix.MS_NODEV
	if err := unix.Mount("tmpfs", v.base, "tmpfs", flags, "mode=755,size="+viewSize); err != nil {
		return fmt.Errorf("mount a root in memory: %w", err)
	}
	for _, step := range []func() error{v.bindAll, v.makeLinks, func() error { return v.makeOwn(owner) }} {
		if err := step(); err != nil {
			return err
		}
	}
	return v.pivot()
}

func (v *view) bindAll() error {
	for _, dir := range v.dirs {
		if err := v.bind(dir, dir); err != nil {
			return err
		}
	}
	return v.bind(v.runtime, runtimeRoot)
}

// bind shows a directory of the host. Programs and libraries cannot be written
// to, whatever their modes are.
func (v *view) bind(source, at string) error {
	target := filepath.Join(v.base, at)
	if err := os.MkdirAll(target, 0o755); err != nil {
		return err
	}
	if err := unix.Mount(source, target, "", unix.MS_BIND|unix.MS_REC, ""); err != nil {
		return fmt.Errorf("bind %s: %w", source, err)
	}
	if source == "/dev" || source == "/proc" {
		return nil
	}
	return readOnly(unix.AT_FDCWD, target, 0)
}

// readOnly sets the attributes of a mount and those below it (mount_setattr(2)).
// A kernel before 5.12 leaves them as they are: file modes protect them.
func readOnly(fd int, path string, flags uint) error {
	attr := &unix.MountAttr{Attr_set: unix.MOUNT_ATTR_RDONLY | unix.MOUNT_ATTR_NOSUID}
	err := unix.MountSetattr(fd, path, flags|unix.AT_RECURSIVE, attr)
	if err != nil && !errors.Is(err, unix.ENOSYS) {
		return fmt.Errorf("make %s read-only: %w", path, err)
	}
	return nil
}

func (v *view) makeLinks() error {
	for _, link := range v.links {
		if err := os.Symlink(link[0], filepath.Join(v.base, link[1])); err != nil {
			return err
		}
	}
	return nil
}

// makeOwn makes what is the sandbox's alone.
func (v *view) makeOwn(owner uint32) error {
	for _, dir := range []string{"/tmp", "/var/tmp"} {
		at := filepath.Join(v.base, dir)
		if err := errors.Join(os.MkdirAll(at, 0o755), os.Chmod(at, 0o777|os.ModeSticky)); err != nil {
			return err
		}
	}
	task := filepath.Join(v.base, driver.TaskRoot)
	libraries := filepath.Join(task, "lib") // see driver.LibraryPath
	if err := errors.Join(os.MkdirAll(libraries, 0o755), os.Chown(task, int(owner), int(owner))); err != nil {
		return err
	}
	shm, flags := filepath.Join(v.base, "/dev/shm"), uintptr(unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC)
	err := unix.Mount("tmpfs", shm, "tmpfs", flags, "mode=1777,size=64m")
	if err != nil && !errors.Is(err, unix.ENOENT) {
		return fmt.Errorf("mount /dev/shm: %w", err)
	}
	return nil
}

// pivot makes the new root the namespace's, and takes the old one away
// (pivot_root(2), the form with ".").
func (v *view) pivot() error {
	if err := unix.Chdir(v.base); err != nil {
		return err
	}
	if err := unix.PivotRoot(".", "."); err != nil {
		return fmt.Errorf("pivot_root: %w", err)
	}
	if err := unix.Unmount(".", unix.MNT_DETACH); err != nil {
		return fmt.Errorf("detach the host's root: %w", err)
	}
	return unix.Chdir("/")
}
