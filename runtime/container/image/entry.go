package image

import (
	"io"
	"io/fs"
	"os"
	"time"

	"github.com/lambdabench/lambdabench/runtime/rootfs"
)

// write creates the file at path on the host. Its parent is there already.
func write(f rootfs.File, path string) error {
	switch {
	case f.Mode&fs.ModeSymlink != 0:
		return os.Symlink(f.Target, path)
	case f.Mode.IsDir():
		if err := os.Mkdir(path, 0o755); err != nil {
			return err
		}
	case f.Source == "":
		if err := os.WriteFile(path, f.Content, 0o644); err != nil {
			return err
		}
	default:
		if err := copyFile(path, f.Source); err != nil {
			return err
		}
		if err := os.Chtimes(path, f.ModTime, f.ModTime); err != nil { // or Python distrusts its .pyc files
			return err
		}
	}
	return os.Chmod(path, f.Mode.Perm())
}

func copyFile(to, from string) error {
	src, err := os.Open(from)
	if err != nil {
		return err
	}
	defer src.Close()
	dst, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	if _, err := io.Copy(dst, src); err != nil {
		dst.Close()
		return err
	}
	return dst.Close()
}

func olderThanAnHour(d fs.DirEntry) bool {
	info, err := d.Info()
	return err == nil && time.Since(info.ModTime()) > time.Hour
}
