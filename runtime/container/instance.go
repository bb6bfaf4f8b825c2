package container

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/lambdabench/lambdabench/runtime/rootfs"
)

// instance is the directory in which one backend of one process writes down
// what it makes on the host, before it makes it:
//
//	record.json      an instanceRecord
//	groups           cgroup directories made above the containers' own
//	oci/             the OCI runtime's own state
//	<container>/     a bundle: config.json, pid, layer/
//
// Its owner holds a lock on the directory. Where nobody does, the owner is
// gone, and all that is written there can be removed.
type instance struct {
	id     string
	dir    string
	parent string // StateDir
	path   string // of the OCI runtime
	hold   *os.File
}

type instanceRecord struct {
	Runtime string `json:"runtime"` // the OCI runtime's path
	Family  string `json:"family"`
}

// stateDir is where instances are. It must be the same for all platforms of a
// user, or what a killed one left is never found.
func (b *Backend) stateDir() string {
	if b.cfg.StateDir != "" {
		return b.cfg.StateDir
	}
	if os.Geteuid() == 0 {
		return "/run/lambdabench/containers"
	}
	if dir := os.Getenv("XDG_RUNTIME_DIR"); dir != "" {
		return filepath.Join(dir, "lambdabench", "containers")
	}
	return filepath.Join(os.TempDir(), "lambdabench-"+strconv.Itoa(os.Geteuid()), "containers")
}

func (b *Backend) imageDir() (string, error) {
	if b.cfg.Dir != "" {
		return filepath.Abs(filepath.Join(b.cfg.Dir, "images"))
	}
	return rootfs.CacheDir()
}

// openInstance removes what killed platforms left below parent, then makes a
// directory for a new one.
func openInstance(ctx context.Context, parent string, o oci, w *workshop) (*instance, error) {
	parent, err := filepath.Abs(parent)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(parent, 0o711); err != nil {
		return nil, fmt.Errorf("make state directory: %w", err)
	}
	if err := passable(parent); w != nil && err != nil {
		return nil, err
	}
	if err := sweep(ctx, parent, w); err != nil {
		return nil, fmt.Errorf("remove what a killed platform left: %w", err)
	}
	path, err := o.find()
	if err != nil {
		return nil, err
	}
	random := make([]byte, 3)
	rand.Read(random)
	in := &instance{id: hex.EncodeToString(random), parent: parent, path: path}
	in.dir = filepath.Join(parent, in.id)
	// Whoever looks for leftovers holds the parent's lock, so that it never
	// sees a directory that has no lock yet.
	unlock, err := lock(parent)
	if err != nil {
		return nil, err
	}
	defer unlock()
	if err := os.Mkdir(in.dir, 0o711); err != nil {
		return nil, err
	}
	if in.hold, err = os.Open(in.dir); err == nil {
		err = unix.Flock(int(in.hold.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	}
	record, _ := json.Marshal(instanceRecord{Runtime: path, Family: o.family})
	if err == nil {
		err = os.WriteFile(filepath.Join(in.dir, "record.json"), record, 0o600)
	}
	if err != nil {
		return nil, errors.Join(err, in.close())
	}
	return in, nil
}

// passable reports a directory above dir that containers' users cannot pass
// through, which they must to reach their root file systems.
func passable(dir string) error {
	for at := dir; ; at = filepath.Dir(at) {
		info, err := os.Stat(at)
		if err != nil {
			return err
		}
		if info.Mode()&0o001 == 0 {
			return fmt.Errorf("state directory %s: users of containers cannot pass through %s (chmod o+x, or configure another)", dir, at)
		}
		if at == "/" {
			return nil
		}
	}
}

// lock waits for the directory's lock and returns what gives it up.
func lock(dir string) (func(), error) {
	f, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX); err != nil {
		f.Close()
		return nil, fmt.Errorf("lock %s: %w", dir, err)
	}
	return func() { f.Close() }, nil
}

func (in *instance) ociRoot() string { return filepath.Join(in.dir, "oci") }

// note writes down a cgroup directory that is about to be made.
func (in *instance) note(dir string) error {
	f, err := os.OpenFile(in.groupsFile(), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteString(dir + "\n")
	return errors.Join(err, f.Close())
}

func (in *instance) groupsFile() string { return filepath.Join(in.dir, "groups") }

// close removes the instance, which has no containers left.
func (in *instance) close() error {
	err := errors.Join(removeNoted(in.groupsFile()), os.RemoveAll(in.dir))
	if in.hold != nil {
		err = errors.Join(err, in.hold.Close())
	}
	return err
}
