package bench

import (
	"context"
	"os"
	"runtime"
	"strings"
	"time"

	"github.com/lambdabench/lambdabench/analysis/record"
)

const settleSample = 150 * time.Millisecond

// settle waits for a quiet machine, for as long as the suite allows, and says
// how quiet it got. The load average would not do: it remembers the last trial.
func settle(ctx context.Context, s Settle) record.Measurement {
	m := record.Measurement{Metric: record.MetricBusy, Unit: "share", Source: "/proc/stat"}
	for deadline := time.Now().Add(time.Duration(s.Wait)); ; {
		before := busyTime()
		start := time.Now()
		select {
		case <-ctx.Done():
			return m
		case <-time.After(settleSample):
		}
		m.Value = (busyTime() - before).Seconds() / time.Since(start).Seconds() / float64(runtime.NumCPU())
		if m.Value <= s.Busy || time.Now().After(deadline) {
			return m
		}
	}
}

// busyTime is what all processors together have worked since the boot, from
// the first line of proc(5) /proc/stat, in ticks of 10 ms.
func busyTime() time.Duration {
	b, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0
	}
	line, _, _ := strings.Cut(string(b), "\n")
	var busy int64
	for i, f := range strings.Fields(line) {
		const idle, iowait, guest = 4, 5, 9 // guest time is in user time already
		if i == 0 || i == idle || i == iowait || i >= guest {
			continue
		}
		busy += atoi(f)
	}
	return time.Duration(busy) * 10 * time.Millisecond
}

func atoi(s string) (n int64) {
	for _, c := range s {
		if c < '0' || c > '9' {
			break
		}
		n = n*10 + int64(c-'0')
	}
	return n
}
