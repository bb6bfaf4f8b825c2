package image

import (
	"io"
	"io/fs"
	"os"
	"time"
)

// entry is one file or directory of an image.
type entry struct {
	path    string // absolute, inside the image
	mode    fs.FileMode
	source  string // the host's file; empty where text is the content
	size    int64
	changed time.Time
	text    []byte
}

// write creates the entry at path on the host. Its parent is there already.
func (e entry) write(path string) error {
	switch {
	case e.mode.IsDir():
		if err := os.Mkdir(path, 0o755); err != nil {
			return err
		}
	case e.source == "":
		if err := os.WriteFile(path, e.text, 0o644); err != nil {
			return err
		}
	default:
		if err := copyFile(path, e.source); err != nil {
			return err
		}
		if err := os.Chtimes(path, e.changed, e.changed); err != nil { // or Python distrusts its .pyc files
			return err
		}
	}
	return os.Chmod(path, e.mode.Perm())
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
