package experiment

import (
	"slices"
	"testing"
	"time"

	"github.com/lambdabench/lambdabench/bench"
	"github.com/lambdabench/lambdabench/workloads"
)

func TestEveryBackendAndStartMeetsTheSameArrivals(t *testing.T) {
	x := newRate()
	if a, b := x.schedule(50, 7), x.schedule(50, 7); !slices.Equal(a, b) || len(a) == 0 {
		t.Errorf("two schedules of one seed have %d and %d calls, or differ", len(a), len(b))
	}
	x.Arrivals, x.For = arrivalsConstant, bench.Duration(2*time.Second)
	if s := x.schedule(4, 7); len(s) != 8 || s[0] != 250*time.Millisecond || s[7] != 2*time.Second {
		t.Errorf("4 calls a second for 2 s are due at %v", s)
	}
}

func TestABacklogIsGivenUp(t *testing.T) {
	g := givenUp{workloads.Schedule{1, 2, 3}, time.Second}
	if due, ok := g.Due(time.Second, 1); !ok || due != 2 {
		t.Errorf("in time: Due = %v, %v", due, ok)
	}
	if _, ok := g.Due(time.Second+1, 1); ok {
		t.Error("a call is made after the time")
	}
}

func TestARateHasATrialForEachStartThatTheBackendHas(t *testing.T) {
	x := newRate()
	x.Rates = []float64{1, 10}
	for snapshots, want := range map[bool]int{false: 6, true: 8} {
		if trials, _ := x.Trials(bench.Target{Snapshots: snapshots}); len(trials) != want {
			t.Errorf("snapshots %v: %d trials, want %d", snapshots, len(trials), want)
		}
	}
}
