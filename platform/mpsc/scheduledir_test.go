package mpsc

import (
	"os"
	"path/filepath"
	"testing"
)

func TestScheduleDirectoriesThatKilledProcessesLeftAreRemoved(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	left, other := filepath.Join(os.TempDir(), scheduleDirs+"1"), filepath.Join(os.TempDir(), "other")
	for _, dir := range []string{filepath.Join(left, "package"), other} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(other, filepath.Join(os.TempDir(), scheduleDirs+"2")); err != nil {
		t.Fatal(err)
	}
	used, remove, err := MakeScheduleDir()
	if err != nil {
		t.Fatal(err)
	}
	second, removeSecond, err := MakeScheduleDir()
	if err != nil {
		t.Fatal(err)
	}
	for dir, want := range map[string]bool{left: false, other: true, used: true, second: true} {
		if _, err := os.Stat(dir); (err == nil) != want {
			t.Errorf("%s is there: %v, want %v", dir, err == nil, want)
		}
	}
	for _, f := range []func() error{remove, removeSecond} {
		if err := f(); err != nil {
			t.Error(err)
		}
	}
	if there, _ := filepath.Glob(filepath.Join(os.TempDir(), "*")); len(there) != 2 { // other, and the link
		t.Errorf("left behind: %v", there)
	}
}
