package image

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sort"

	"github.com/lambdabench/lambdabench/runtime/rootfs"
)

// Key names the content of the image of a tree.
func Key(t *rootfs.Tree) string {
	addMountPoints(t)
	return fmt.Sprintf("%d-%s", version, t.Key())
}

// Cached opens the image of a tree in dir, which it writes first if it is not there or is damaged. The file is open for
// reading.
func Cached(dir string, t *rootfs.Tree) (*os.File, error) {
	path := filepath.Join(dir, "uc-"+Key(t)+".img")
	if f, err := os.Open(path); err == nil {
		if err = Verify(f); err == nil {
			return f, nil
		}
		f.Close()
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("image cache: %w", err)
	}
	tmp, err := os.CreateTemp(dir, "uc-*.tmp")
	if err != nil {
		return nil, fmt.Errorf("image cache: %w", err)
	}
	defer os.Remove(tmp.Name())
	_, err = Write(tmp, t)
	err = errors.Join(err, tmp.Chmod(0o644), tmp.Close())
	if err == nil {
		err = os.Rename(tmp.Name(), path)
	}
	if err == nil {
		prune(dir)
	}
	if err != nil {
		return nil, fmt.Errorf("image cache: write %s: %w", path, err)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("image cache: %w", err)
	}
	return f, nil
}

// kept is how many images a cache holds.
const kept = 8

// prune removes the oldest images: of interpreters that were upgraded since.
// Whoever has one open keeps it.
func prune(dir string) {
	paths, err := filepath.Glob(filepath.Join(dir, "uc-*.img"))
	if err != nil || len(paths) <= kept {
		return
	}
	age := func(p string) int64 {
		st, err := os.Stat(p)
		if err != nil {
			return 0
		}
		return st.ModTime().UnixNano()
	}
	sort.Slice(paths, func(i, j int) bool { return age(paths[i]) > age(paths[j]) })
	for _, p := range paths[kept:] {
		// What cannot be removed is tried again with the next image.
		_ = os.Remove(p)
	}
}
