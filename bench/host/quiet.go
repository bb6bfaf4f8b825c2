package host

import (
	"context"
	"os"
	"runtime"
	"strings"
	"time"

	"github.com/lambdabench/lambdabench/analysis/record"
)

// quietSample is the time over which the load of the processors is taken once.
const quietSample = 150 * time.Millisecond

// WaitForQuiet waits until the host uses no more than the share busy of its processors,
// for the time wait at most, and returns the share that it saw last. The load average
// would still count the trial before.
func WaitForQuiet(ctx context.Context, busy float64, wait time.Duration) record.Measurement {
	m := record.Measurement{Metric: record.MetricBusy, Unit: record.UnitShare, Source: "/proc/stat"}
	for deadline := time.Now().Add(wait); ; {
		before := busyTime()
		start := time.Now()
		select {
		case <-ctx.Done():
			return m
		case <-time.After(quietSample):
		}
		m.Value = (busyTime() - before).Seconds() / time.Since(start).Seconds() / float64(runtime.NumCPU())
		if m.Value <= busy || time.Now().After(deadline) {
			return m
		}
	}
}

// busyTime is the time for which all processors together have worked since the boot,
// from the first line of proc(5) /proc/stat, in ticks of 10 ms.
func busyTime() time.Duration {
	b, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0
	}
	line, _, _ := strings.Cut(string(b), "\n")
	var busy int64
	for i, f := range strings.Fields(line) {
		const idle, iowait, guest = 4, 5, 9 // user time holds guest time already
		if i == 0 || i == idle || i == iowait || i >= guest {
			continue
		}
		busy += atoi(f)
	}
	return time.Duration(busy) * 10 * time.Millisecond
}

// atoi is the number that s begins with, as the files of /proc and of cgroups hold it.
func atoi(s string) (n int64) {
	for _, c := range s {
		if c < '0' || c > '9' {
			break
		}
		n = n*10 + int64(c-'0')
	}
	return n
}
