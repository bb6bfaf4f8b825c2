package process

import (
	"bufio"
	"fmt"
	"os"
	"strings"

	"github.com/lambdabench/lambdabench/runtime"
)

// usage reads the proportional set size of a process, proc(5) smaps_rollup.
func usage(pid int) (runtime.Usage, error) {
	f, err := os.Open(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
	if err != nil {
		return runtime.Usage{}, fmt.Errorf("usage of process %d: %w", pid, err)
	}
	defer f.Close()
	u := runtime.Usage{Source: "pss"}
	for sc := bufio.NewScanner(f); sc.Scan(); {
		if rest, ok := strings.CutPrefix(sc.Text(), "Pss:"); ok {
			var kb int64
			if _, err := fmt.Sscan(rest, &kb); err != nil {
				return u, fmt.Errorf("usage of process %d: %w", pid, err)
			}
			u.MemoryBytes = kb << 10
		}
	}
	return u, nil
}
