package process

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
)

// FirstUID is the default start of the range of user ids under which
// functions run when the platform is root. systemd leaves what is from
// 1879048192 to 2147352575 unused (systemd.io/UIDS-GIDS).
const FirstUID = 1_900_000_000

// blockUIDs is how many user ids, and so sandboxes, one backend has at most.
const blockUIDs = 1 << 16

// users hands out one unprivileged user id per sandbox, so that functions
// cannot signal, trace or read each other, and so that all that a function
// started can be found by its owner. Backends of one host take different
// blocks: an abstract socket, which goes with its process, marks a block.
type users struct {
	mu    sync.Mutex
	first uint32
	next  uint32
	used  map[uint32]bool
	mark  net.Listener
}

// newUsers takes a free block from the range that begins at first. Where the
// platform's user namespace has no such ids (a rootless container) it is nil:
// functions run as the platform's own user then.
func newUsers(first uint32) (*users, error) {
	if first == 0 {
		first = FirstUID
	}
	if !mapped(first) {
		return nil, nil
	}
	var err error
	for block := range uint32(256) {
		start := first + block*blockUIDs
		var mark net.Listener
		if mark, err = markBlock(start); err == nil {
			return &users{first: start, used: map[uint32]bool{}, mark: mark}, nil
		}
	}
	return nil, fmt.Errorf("find a free block of user ids from %d on: %w", first, err)
}

func markBlock(start uint32) (net.Listener, error) {
	return net.Listen("unix", fmt.Sprintf("@lambdabench-uids-%d", start))
}

// evict ends what runs under a user of a platform that is gone: one of our own
// block, before we use it, or of a block that nobody holds.
func (u *users) evict(id uint32) error {
	if id < u.first%blockUIDs || id == 0 {
		return nil
	}
	if start := id - (id-u.first%blockUIDs)%blockUIDs; start != u.first {
		mark, err := markBlock(start)
		if err != nil { // taken
			return nil
		}
		defer mark.Close()
	}
	return killUser(id)
}

// mapped tells whether a whole block of ids from first on exists in this user
// namespace, user_namespaces(7).
func mapped(first uint32) bool {
	text, err := os.ReadFile("/proc/self/uid_map")
	if err != nil { // a kernel without user namespaces
		return true
	}
	for line := range strings.Lines(string(text)) {
		var inside, outside, length uint64
		n, _ := fmt.Sscan(line, &inside, &outside, &length)
		if n == 3 && inside <= uint64(first) && uint64(first)+blockUIDs <= inside+length {
			return true
		}
	}
	return false
}

// acquire returns an id that no other sandbox has.
func (u *users) acquire() (uint32, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if len(u.used) == blockUIDs {
		return 0, fmt.Errorf("all %d user ids are in use", blockUIDs)
	}
	for u.used[u.first+u.next] {
		u.next = (u.next + 1) % blockUIDs
	}
	id := u.first + u.next
	u.used[id] = true
	u.next = (u.next + 1) % blockUIDs
	return id, nil
}

func (u *users) release(id uint32) {
	u.mu.Lock()
	defer u.mu.Unlock()
	delete(u.used, id)
}

// killUser ends every process of a user in one step of the kernel, kill(2)
// with -1, which no fork can slip through.
func killUser(uid uint32) error {
	ctx, cancel := context.WithTimeout(context.Background(), closePatience)
	defer cancel()
	cmd := exec.CommandContext(ctx, "/bin/sh", "-c", "kill -9 -1")
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: uid}}
	err := cmd.Run()
	if ctx.Err() != nil {
		return fmt.Errorf("end the processes of user %d: %w", uid, ctx.Err())
	}
	if _, exited := err.(*exec.ExitError); exited { // nobody was left to kill
		return nil
	}
	return err
}

// open tells whether an unprivileged user can enter path: all directories
// above it can be searched by others, and path itself read.
func open(path string) bool {
	info, err := os.Stat(path)
	if err != nil || info.Mode()&0o004 == 0 || info.IsDir() && info.Mode()&0o001 == 0 {
		return false
	}
	for at := filepath.Dir(path); ; at = filepath.Dir(at) {
		if info, err = os.Stat(at); err != nil || info.Mode()&0o001 == 0 {
			return false
		}
		if at == "/" || at == "." {
			return true
		}
	}
}

// openEntries tells whether an unprivileged user can read a directory as far as
// its first level: what lies deeper follows the archive, as on AWS Lambda.
func openEntries(dir string) bool {
	info, err := os.Stat(dir)
	if err != nil || info.Mode()&0o005 != 0o005 {
		return false
	}
	entries, err := os.ReadDir(dir)
	for _, e := range entries {
		info, ierr := e.Info()
		if ierr != nil || info.Mode()&0o004 == 0 || e.IsDir() && info.Mode()&0o001 == 0 {
			return false
		}
	}
	return err == nil
}
