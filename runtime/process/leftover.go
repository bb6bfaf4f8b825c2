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

// removeOrphans removes the directories in dir that platforms of this user left
// when they were killed, and ends what still runs for them.
func removeOrphans(dir string, u *users) error {
	var errs []error
	for _, left := range cgroup.Orphans(prefix, dir) {
		errs = append(errs, removeOrphanDir(left, u))
	}
	return errors.Join(errs...)
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
