package bench

import (
	"testing"
	"time"
)

func trialsOf(n int, least, limit time.Duration) []Trial {
	all := make([]Trial, n)
	for i := range all {
		all[i].Least, all[i].Limit = least, limit
	}
	return all
}

func TestTheClockShortensTrialsWhenTheyCostMoreThanTheirLimits(t *testing.T) {
	todo := trialsOf(100, time.Second, 3*time.Second)
	c := newClock(300*time.Second, todo)
	if got := c.limit(todo[0]); got < 2990*time.Millisecond || got > 3*time.Second {
		t.Errorf("the first trial gets %v of its 3 s", got)
	}
	c.done(Trial{Limit: 3 * time.Second}, 4*time.Second) // a second beside each
	if got := c.limit(todo[1]); got < 1900*time.Millisecond || got > 2100*time.Millisecond {
		t.Errorf("the second gets %v; with a second beside each of 99, 2 s are left", got)
	}
	c.done(Trial{Limit: 2 * time.Second}, time.Minute)
	if got := c.limit(todo[2]); got != time.Second {
		t.Errorf("a trial gets %v when there is no room, want its least", got)
	}
}

func TestWithoutABudgetTrialsKeepTheirLimits(t *testing.T) {
	todo := trialsOf(2, time.Second, time.Hour)
	c := newClock(0, todo)
	c.done(todo[0], 10*time.Hour)
	if got := c.limit(todo[1]); got != time.Hour {
		t.Errorf("limit %v", got)
	}
}
