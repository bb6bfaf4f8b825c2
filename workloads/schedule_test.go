package workloads_test

import (
	"math"
	"slices"
	"testing"
	"time"

	"github.com/lambdabench/lambdabench/workloads"
)

func TestAScheduleIsKeptAsWritten(t *testing.T) {
	s := workloads.Schedule{1, 5}
	if due, ok := s.Due(99, 1); !ok || due != 5 {
		t.Errorf("Due(99, 1) = %v, %v", due, ok)
	}
	if _, ok := s.Due(0, 2); ok {
		t.Error("a call after the last")
	}
}

func TestPoissonHasTheRateAndTheSpreadOfItsName(t *testing.T) {
	s := workloads.Poisson(1000, 100*time.Second, 1)
	if d := math.Abs(float64(len(s)) - 100_000); d > 4*math.Sqrt(100_000) {
		t.Errorf("%d arrivals in 100 s at 1000/s", len(s))
	}
	var sum, sq float64
	for i := 1; i < len(s); i++ {
		gap := (s[i] - s[i-1]).Seconds()
		sum, sq = sum+gap, sq+gap*gap
	}
	n := float64(len(s) - 1)
	mean := sum / n
	if cv := math.Sqrt(sq/n-mean*mean) / mean; math.Abs(cv-1) > 0.02 {
		t.Errorf("coefficient of variation of the gaps is %.3f, an exponential has 1", cv)
	}
	if !slices.IsSorted(s) {
		t.Error("arrivals are not in order")
	}
}

func TestTheSameSeedGivesTheSameArrivals(t *testing.T) {
	a, b := workloads.Poisson(50, time.Minute, 7), workloads.Poisson(50, time.Minute, 7)
	if !slices.Equal(a, b) {
		t.Error("two drawings with one seed differ")
	}
	if slices.Equal(a, workloads.Poisson(50, time.Minute, 8)) {
		t.Error("another seed gives the same arrivals")
	}
	if workloads.Poisson(0, time.Minute, 7) != nil {
		t.Error("arrivals without a rate")
	}
}

func TestAProfileMakesAsManyCallsAsItsRateSaysAndNoneInAPause(t *testing.T) {
	p := workloads.Profile{
		{For: 100 * ms, From: 50, To: 50}, {For: 900 * ms}, {For: 100 * ms, From: 50, To: 50},
		{For: 10 * time.Second, From: 0, To: 20}, {For: time.Second, From: math.Inf(1), To: 1},
	}
	s := p.Even()
	if len(s) != 110 || math.Abs(p.Calls()-110) > 1e-9 {
		t.Fatalf("%d calls, %g expected, want 5 + 5 + 100", len(s), p.Calls())
	}
	if !slices.Equal(s[:5], workloads.Schedule{20 * ms, 40 * ms, 60 * ms, 80 * ms, 100 * ms}) || s[5] != 1020*ms {
		t.Errorf("the first arrivals are %v", s[:6])
	}
	// A ramp from 0 has made a quarter of its calls after half of its time.
	if half := s[10+24]; (half - (1100*ms + 5*time.Second)).Abs() > ms {
		t.Errorf("call 25 of the ramp is due at %v", half)
	}
	if !slices.IsSorted(p.Poisson(3)) || slices.Equal(p.Poisson(3), p.Poisson(4)) {
		t.Error("the Poisson process is out of order, or does not follow its seed")
	}
}
