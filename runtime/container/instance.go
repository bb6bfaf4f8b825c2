package container

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// idPrefix begins the names of containers, and of their cgroups.
const idPrefix = "lambdabench-"

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

// makeStateDir makes the directory of all instances, and returns its absolute path.
func makeStateDir(dir string) (parent string, err error) {
	if parent, err = filepath.Abs(dir); err != nil {
		return "", err
	}
	if err := os.MkdirAll(parent, 0o711); err != nil {
		return "", fmt.Errorf("make state directory: %w", err)
	}
	return parent, nil
}

// openInstance makes a directory for a new instance below parent. Users of
// containers pass through parent if they are not this process's own.
func openInstance(parent string, o oci, otherUsers bool) (*instance, error) {
	if err := passable(parent); otherUsers && err != nil {
		return nil, err
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
			return fmt.Errorf("state directory %s: users of containers cannot pass through %s "+
				"(chmod o+x, or configure another)", dir, at)
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

// removeNoted removes the directories that are written in a file, the last
// first. One that others use by now is theirs.
func removeNoted(file string) error {
	b, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	dirs := strings.Split(strings.TrimSpace(string(b)), "\n")
	for _, dir := range slices.Backward(dirs) {
		if rm := unix.Rmdir(dir); rm != nil && !errors.Is(rm, unix.ENOENT) && !errors.Is(rm, unix.EBUSY) {
			err = errors.Join(err, rm)
		}
	}
	return err
}
