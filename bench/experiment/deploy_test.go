package experiment

import (
	"testing"
	"time"
)

func TestTrialOfASlowStartHasTenCalls(t *testing.T) {
	calls := func(each time.Duration) (n int) {
		for took := time.Duration(0); goesOn(n, took, 2*time.Second); took += each {
			n++
		}
		return n
	}
	for _, c := range []struct {
		each time.Duration
		want int
	}{{time.Millisecond, 2000}, {time.Second, 10}, {10 * time.Second, 3}, {time.Minute, 1}} {
		if n := calls(c.each); n != c.want {
			t.Errorf("calls of %v each: %d, want %d", c.each, n, c.want)
		}
	}
}
