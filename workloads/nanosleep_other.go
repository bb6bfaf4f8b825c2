//go:build !linux

package workloads

import "time"

// nanosleep waits at least so long. No run measures here: backends need Linux.
func nanosleep(d time.Duration) { time.Sleep(d) }
