package cgroup

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
)

const (
	period   = 100_000 // of CPU limits, in µs: the kernel's default
	minQuota = 1000    // the least that it takes
)

// LimitCPU bounds the CPU time of a group to a share of processors: 0.5 is half
// of one, 0 lifts the limit. v1 says which version's tree dir is in
// (Documentation/scheduler/sched-bwc.rst, admin-guide/cgroup-v2.rst). A share
// below a hundredth is a hundredth.
func LimitCPU(dir string, v1 bool, cpus float64) error {
	file, value := "cpu.max", fmt.Sprintf("max %d", period)
	if v1 {
		file, value = "cpu.cfs_quota_us", "-1"
	}
	if cpus > 0 {
		value = strconv.FormatInt(max(minQuota, int64(cpus*period)), 10)
		if !v1 {
			value += " " + strconv.Itoa(period)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, file), []byte(value), 0); err != nil {
		return fmt.Errorf("set %s to %s: %w", file, value, err)
	}
	return nil
}
