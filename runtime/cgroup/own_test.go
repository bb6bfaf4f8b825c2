package cgroup

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
)

func TestMemoryIsWhatTheTightestGroupLeaves(t *testing.T) {
	host := OwnMemory{Total: 1 << 34, Available: 1 << 33}
	for name, c := range map[string]struct {
		v1    bool
		files map[string]string
		want  OwnMemory
	}{
		"no limit in version 2": {false, map[string]string{
			"memory.max": "max", "memory.high": "max", "memory.current": "5000000",
		}, host},
		"no limit in version 1": {true, map[string]string{
			"memory.limit_in_bytes": "9223372036854771712", "memory.usage_in_bytes": "5000000",
		}, host},
		"no such files": {false, nil, host},
		"version 2, cache can be reclaimed": {false, map[string]string{
			"memory.max": "536870912", "memory.high": "max", "memory.current": "300000000",
			"memory.stat": "anon 100000000\nactive_file 150000000\ninactive_file 50000000\n",
		}, OwnMemory{536870912, 436870912}},
		"version 2, throttled before the limit": {false, map[string]string{
			"memory.max": "536870912", "memory.high": "268435456", "memory.current": "68435456",
		}, OwnMemory{268435456, 200000000}},
		"version 1, with the groups below": {true, map[string]string{
			"memory.limit_in_bytes": "536870912", "memory.usage_in_bytes": "300000000",
			"memory.stat": "inactive_file 1\ntotal_active_file 100000000\ntotal_inactive_file 100000000\n",
		}, OwnMemory{536870912, 436870912}},
		"nothing left": {false, map[string]string{"memory.max": "1000", "memory.current": "2000"}, OwnMemory{1000, 0}},
	} {
		dir := t.TempDir()
		for file, text := range c.files {
			if err := os.WriteFile(filepath.Join(dir, file), []byte(text+"\n"), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		m := host
		if m.within(dir, c.v1); m != c.want {
			t.Errorf("%s: %+v, want %+v", name, m, c.want)
		}
	}
}

// A group of the host's own, with a limit, lowers what is read.
func TestMemoryOfARealGroupIsItsLimit(t *testing.T) {
	const limit = 512 << 20
	for _, tree := range Trees() {
		dir := filepath.Join(tree.Dir(), OwnedName("lambdabench-test-"))
		file := map[string]string{"memory": "memory.limit_in_bytes", "": "memory.max"}[tree.Controller]
		if file == "" || os.Mkdir(dir, 0o755) != nil {
			continue
		}
		t.Cleanup(func() { Remove(dir) })
		if os.WriteFile(filepath.Join(dir, file), []byte(strconv.Itoa(limit)), 0) != nil {
			continue
		}
		m, err := ReadMemory(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		m.within(dir, tree.Controller != "")
		if m.Total > limit || m.Available > limit || m.Available <= 0 {
			t.Errorf("in a group of %d bytes there are %+v", limit, m)
		}
		return
	}
	t.Skip("this user may make no group with a memory limit")
}

func TestGroupsAboveBeginWithThisProcessesOwn(t *testing.T) {
	for _, tree := range Trees() {
		dirs := Above(tree.Controller)
		if len(dirs) == 0 || dirs[0] != tree.Dir() || dirs[len(dirs)-1] != tree.Mount {
			t.Errorf("%q: above %s are %v", tree.Controller, tree.Dir(), dirs)
			continue
		}
		if in := words(dirs[0], "cgroup.procs"); !slices.Contains(in, strconv.Itoa(os.Getpid())) {
			t.Errorf("%q: this process is not in %s", tree.Controller, dirs[0])
		}
	}
}

func TestPartOfATreeThatIsMountedIsRead(t *testing.T) {
	const mounts = `23 1 8:1 / / rw,relatime - ext4 /dev/sda1 rw
32 31 0:32 /docker/abc /sys/fs/cgroup/memory ro,relatime - cgroup cgroup rw,memory
33 31 0:33 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct
34 31 0:34 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw
35 31 0:34 /part /other rw - cgroup2 cgroup2 rw
`
	for groups, want := range map[string]string{
		"4:memory:/docker/abc/own\n": "[{memory /sys/fs/cgroup/memory /own}]",
		"4:memory:/elsewhere\n":      "[{memory /sys/fs/cgroup/memory /}]",
		"2:cpu,cpuacct:/a\n":         "[{cpu /sys/fs/cgroup/cpu,cpuacct /a} {cpuacct /sys/fs/cgroup/cpu,cpuacct /a}]",
		"0::/b\n9:pids:/\n":          "[{ /sys/fs/cgroup/unified /b}]",
	} {
		if got := fmt.Sprint(treesIn(groups, mounts)); got != want {
			t.Errorf("%q: %s, want %s", groups, got, want)
		}
	}
}
