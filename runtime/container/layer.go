package container

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/lambdabench/lambdabench/runtime/driver"
)

// layer is a container's root file system while the container is being made:
// an overlay with its upper directory in a tmpfs. It is mounted in the
// workshop only. Once the container has it in its own mount namespace it is
// detached here, and the kernel frees it with the container.
type layer struct {
	dir     string // where the tmpfs is mounted
	mounted bool
}

// mount stacks a private layer on lower; root owns what can be written.
// It must run in the workshop.
func (l *layer) mount(lower string, root uint32) (err error) {
	if err := os.Mkdir(l.dir, 0o755); err != nil {
		return err
	}
	// The size bounds a container without a memory limit.
	if err := unix.Mount("tmpfs", l.dir, "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, "mode=755,size=512m"); err != nil {
		return fmt.Errorf("mount a layer's tmpfs: %w", err)
	}
	l.mounted = true
	task := "/upper" + driver.TaskRoot
	for _, dir := range []string{"/upper", "/work", "/rootfs", filepath.Dir(task), task} {
		if err := os.Mkdir(l.dir+dir, 0o755); err != nil {
			return err
		}
	}
	for _, dir := range []string{"/upper", task} {
		if err := os.Chown(l.dir+dir, int(root), int(root)); err != nil {
			return err
		}
	}
	options := fmt.Sprintf("lowerdir=%s,upperdir=%s/upper,workdir=%s/work", lower, l.dir, l.dir)
	if err := unix.Mount("overlay", l.rootfs(), "overlay", 0, options); err != nil {
		return fmt.Errorf("mount overlay: %w", err)
	}
	return nil
}

func (l *layer) rootfs() string { return filepath.Join(l.dir, "rootfs") }

// detach gives the workshop's hold on the layer up. It must run in the
// workshop.
func (l *layer) detach() error {
	if !l.mounted {
		return nil
	}
	if err := unix.Unmount(l.dir, unix.MNT_DETACH); err != nil && !errors.Is(err, unix.EINVAL) {
		return fmt.Errorf("detach layer: %w", err)
	}
	l.mounted = false
	return nil
}
