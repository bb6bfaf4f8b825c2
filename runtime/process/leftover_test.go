package process

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/lambdabench/lambdabench/runtime/isolation"
)

// /tmp is everybody's: another user's directory there is neither in the way nor
// removed.
func TestLeftoverOfAnotherUserIsLeftAlone(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can make another user's directory")
	}
	gone := exec.Command("true")
	if err := gone.Run(); err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "lambdabench-leftover-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	left := map[int]string{}
	for uid, serial := range map[int]string{os.Geteuid(): "1", nobody: "2"} {
		left[uid] = filepath.Join(dir, prefix+strconv.Itoa(gone.Process.Pid)+"-1-"+serial)
		if err := os.MkdirAll(filepath.Join(left[uid], "s1"), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.Chown(left[uid], uid, uid); err != nil {
			t.Fatal(err)
		}
	}
	b := New(Config{Dir: dir})
	t.Cleanup(func() { b.Close() })
	booted(t, b, isolation.Python)
	if _, err := os.Stat(left[nobody]); err != nil {
		t.Errorf("another user's directory: %v", err)
	}
	if _, err := os.Stat(left[os.Geteuid()]); err == nil {
		t.Error("this user's leftover is still there")
	}
}
