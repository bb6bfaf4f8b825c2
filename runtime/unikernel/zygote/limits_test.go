package zygote

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// tree writes files below a new directory.
func tree(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestLimitsOfProcessesAreReadWhereTheyAre(t *testing.T) {
	proc := tree(t, map[string]string{"sys/kernel/pid_max": "32768\n", "sys/kernel/threads-max": "9000\n",
		"loadavg": "0.1 0.2 0.3 2/345 6789\n"})
	if n := Tasks(proc); n != 345 {
		t.Errorf("%d tasks", n)
	}
	var got []string
	for _, l := range kernelLimits(proc) {
		got = append(got, l.Name)
		if room := l.Room(Tasks(proc)); room != l.Max-345 || l.Remedy != "sysctl -w "+l.Name+"=4194304" {
			t.Errorf("%+v leaves room for %d", l, room)
		}
	}
	if !slices.Equal(got, []string{"kernel.pid_max", "kernel.threads-max"}) {
		t.Errorf("%q", got)
	}
	if none := kernelLimits("/nowhere"); len(none) != 0 {
		t.Errorf("limits from nowhere: %+v", none)
	}
}
