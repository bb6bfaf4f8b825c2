package process

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/lambdabench/lambdabench/runtime/cgroup"
)

// prefix begins the name of everything that a backend makes on the host: its
// directory and its cgroups. The rest tells the next platform whether the owner
// still lives.
const prefix = "lambdabench-process-"

// removeOrphans ends and removes what platforms that were killed left behind:
// beside the cgroups of h, and in dir.
func removeOrphans(h *hierarchy, dir string, u *users) error {
	var errs []error
	for _, own := range h.dirs() {
		for _, left := range orphans(filepath.Dir(own)) {
			errs = append(errs, removeOrphanGroup(left, own == h.unified))
		}
	}
	for _, left := range orphans(dir) {
		errs = append(errs, removeOrphanDir(left, u))
	}
	return errors.Join(errs...)
}

// orphans are the directories in dir that a platform of this user left. Those
// of other users are theirs to remove, also where this one could: anybody can
// make a directory of any name in /tmp.
func orphans(dir string) (left []string) {
	for _, name := range cgroup.Orphans(prefix, dir) {
		path := filepath.Join(dir, name)
		if info, err := os.Lstat(path); err == nil && info.Sys().(*syscall.Stat_t).Uid == uint32(os.Geteuid()) {
			left = append(left, path)
		}
	}
	return left
}

func removeOrphanGroup(dir string, unified bool) error {
	if unified {
		return errors.Join(cgroup.Kill(dir), cgroup.RemoveTree(dir))
	}
	return cgroup.RemoveTree(dir)
}

// removeOrphanDir also ends what still runs under the users that own the
// sandboxes' directories: where there are no cgroups, that is all there is. A
// user whose block another living platform has taken since is that platform's.
func removeOrphanDir(dir string, u *users) error {
	entries, _ := os.ReadDir(dir)
	for _, e := range entries {
		info, err := e.Info()
		if u == nil || err != nil || !info.IsDir() {
			continue
		}
		if err := u.evict(info.Sys().(*syscall.Stat_t).Uid); err != nil {
			return fmt.Errorf("end leftover processes: %w", err)
		}
	}
	if err := os.RemoveAll(dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove leftover %s: %w", filepath.Base(dir), err)
	}
	return nil
}
