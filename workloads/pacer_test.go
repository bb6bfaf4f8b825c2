package workloads_test

import (
	"math"
	"slices"
	"testing"
	"time"

	"github.com/lambdabench/lambdabench/workloads"
)

const ms = time.Millisecond

func TestPacersSayWhenCallsAreDue(t *testing.T) {
	bursts := workloads.Bursts{First: 30 * ms, Every: 8 * ms, Size: 3, Count: 2}
	for _, c := range []struct {
		name    string
		pacer   workloads.Pacer
		elapsed time.Duration
		count   int
		due     time.Duration
		ok      bool
	}{
		{"closed: a free client calls at once", workloads.Closed{Calls: 2}, 7 * ms, 1, 7 * ms, true},
		{"closed: the calls are used up", workloads.Closed{Calls: 2}, 7 * ms, 2, 0, false},
		{"closed: the time is over", workloads.Closed{For: 7 * ms}, 7 * ms, 0, 0, false},
		{"closed: without bounds it goes on", workloads.Closed{}, time.Hour, 1 << 30, time.Hour, true},
		{"constant: the first after one gap", workloads.Constant{Rate: 100, For: time.Second}, 0, 0, 10 * ms, true},
		{"constant: a late generator stays accountable", workloads.Constant{Rate: 100, For: time.Second}, 900 * ms, 1,
			20 * ms, true},
		{"constant: the last", workloads.Constant{Rate: 100, For: time.Second}, 0, 99, time.Second, true},
		{"constant: no more", workloads.Constant{Rate: 100, For: time.Second}, 0, 100, 0, false},
		{"constant: no rate, no call", workloads.Constant{For: time.Second}, 0, 0, 0, false},
		{"constant: a rate that is no number", workloads.Constant{Rate: math.NaN(), For: time.Second}, 0, 0, 0, false},
		{"constant: a rate without end", workloads.Constant{Rate: math.Inf(1), For: time.Second}, 0, 0, 0, false},
		{"bursts: all of a burst at once", bursts, 0, 2, 30 * ms, true},
		{"bursts: the next", bursts, 0, 3, 38 * ms, true},
		{"bursts: no more", bursts, 0, 6, 0, false},
		{"bursts: of nothing", workloads.Bursts{Count: 3}, 0, 0, 0, false},
	} {
		due, ok := c.pacer.Due(c.elapsed, c.count)
		if ok != c.ok || ok && due != c.due {
			t.Errorf("%s: Due(%v, %d) = %v, %v, want %v, %v", c.name, c.elapsed, c.count, due, ok, c.due, c.ok)
		}
	}
}

func TestOrderCallsEveryFunctionEquallyOftenAndIsKept(t *testing.T) {
	order := workloads.Order(10, 35, 3)
	n := make([]int, 10)
	for _, f := range order {
		n[f]++
	}
	for f, k := range n {
		if want := 3 + map[bool]int{true: 1}[f < 5]; k != want {
			t.Errorf("function %d is called %d times, want %d", f, k, want)
		}
	}
	if !slices.Equal(order, workloads.Order(10, 35, 3)) {
		t.Error("the same seed gives another order")
	}
	if slices.Equal(order, workloads.Order(10, 35, 4)) || slices.IsSorted(order) {
		t.Error("the order is not shuffled by its seed")
	}
	if pick := workloads.Cycle(order); pick(36) != int(order[1]) {
		t.Error("the order does not start again when it is used up")
	}
	if workloads.Order(0, 5, 1) != nil {
		t.Error("an order of no functions")
	}
}
