package cgroup

import "path/filepath"

// TaskLimit is the most processes and threads that a group may have (cgroups(7)).
type TaskLimit struct {
	File string // pids.max
	Max  int64
	Used int64 // below 0: unknown
}

// TaskLimits are those of this process's own group and all groups above.
func TaskLimits() []TaskLimit {
	return append(taskLimits(Above("pids")), taskLimits(Above(""))...)
}

func taskLimits(dirs []string) (all []TaskLimit) {
	for _, dir := range dirs {
		file := filepath.Join(dir, "pids.max")
		if n, ok := number(file); ok {
			used, known := number(filepath.Join(dir, "pids.current"))
			if !known {
				used = -1
			}
			all = append(all, TaskLimit{file, n, used})
		}
	}
	return all
}

// TasksLeft is how many further processes and threads the groups allow; limited
// is false where they allow any number.
func TasksLeft() (left int64, limited bool) {
	for _, l := range TaskLimits() {
		if room := max(0, l.Max-max(0, l.Used)); !limited || room < left {
			left, limited = room, true
		}
	}
	return left, limited
}
