package experiment

import (
	"sync"
	"time"

	"github.com/lambdabench/lambdabench/analysis/record"
	"github.com/lambdabench/lambdabench/bench"
	"github.com/lambdabench/lambdabench/platform/worker"
	"github.com/lambdabench/lambdabench/workloads"
)

// filledLoop is a closed loop over many functions that fills the platform's caches and
// then counts, without a pause between the two: the clients stay busy from the first call
// of the fill to the last completion of the count.
//
// The fill ends by count: every function has answered once, and then either the platform
// holds as many sandboxes as it may, or a number of further calls was made, or the time for
// them is over. Two concurrent calls of one function need two sandboxes, so a platform with
// free places starts some after every function was called.
//
// The window of the count runs from one completion to another. A window of a fixed length
// would hold the fraction of a call at either end, and calls that are in flight at its end
// would be lost: a tenth and more where a window holds few calls. The window ends at the
// first completion at which its time is over and every function has answered in it, or
// the trial's time is over.
type filledLoop struct {
	functions int
	sandboxes int           // that the platform keeps
	settle    int           // calls between the fill of a platform with free places and the count
	window    time.Duration // the least time of the count
	limit     time.Duration // of the whole trial
	opened    func()        // called at the completion that begins the count; nil: nothing is
	closed    func()        // called at the completion that ends the count; nil: nothing is

	fill, order []int32 // functions of the fill and of the calls after it

	mu       sync.Mutex
	phase    phase
	filled   answered
	started  int // sandboxes that calls of the fill started
	settled  int // calls that ended after every function had answered
	from, to time.Duration
	counted  answered
	ok, hot  int // correct replies in the window, and those by the hot path
}

// phase of a filledLoop.
type phase int

const (
	filling phase = iota
	counting
	over // no further call is made; the last ones may be under way
)

const (
	// settledAfter is the least number of calls between the fill of a platform with free
	// places and the count.
	settledAfter = 128

	// leastCompletions is the number of completions below which a rate says little: its
	// relative error is one by the square root of the number.
	leastCompletions = 30
)

// newFilledLoop draws the order of the calls from a seed.
func newFilledLoop(functions, sandboxes int, window, limit time.Duration, seed uint64) *filledLoop {
	return &filledLoop{functions: functions, sandboxes: sandboxes, settle: max(settledAfter, functions),
		window: window, limit: limit,
		fill:  workloads.Order(functions, functions, seed+1),
		order: workloads.Order(functions, orderLength(functions), seed)}
}

// orderLength is the number of calls after which the order of the calls is repeated.
func orderLength(functions int) int { return max(functions, 4096) }

// load is the calls of the loop.
func (l *filledLoop) load(clients int) workloads.Load {
	return workloads.Load{Pacer: pacerFunc(l.due), Clients: clients, Pick: l.pick}
}

// due is the pacer: a call is due as soon as a client is free, until the count ends.
func (l *filledLoop) due(elapsed time.Duration, _ int) (time.Duration, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.phase == filling && l.filled.n < l.functions && elapsed >= l.limit-l.window {
		l.phase = over
	}
	return elapsed, l.phase != over
}

func (l *filledLoop) pick(n int) int {
	if n < l.functions {
		return int(l.fill[n])
	}
	return int(l.order[(n-l.functions)%len(l.order)])
}

// ended takes note of a call that ended, and reports whether the call counts: it began
// after the count did. A call that the count found under way is a completion of the
// count, but its latency is not taken: longer calls are more often under way.
func (l *filledLoop) ended(s workloads.Sample[Reply]) (counts bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch l.phase {
	case filling:
		l.fills(s)
		return false
	case counting:
		l.counts(s)
	}
	return l.from > 0 && s.Started >= l.from
}

func (l *filledLoop) fills(s workloads.Sample[Reply]) {
	if !s.Reply.OK() {
		return
	}
	l.filled.add(s.Function)
	if s.Reply.Path != string(worker.Hot) {
		l.started++
	}
	if l.filled.n < l.functions {
		return
	}
	if l.settled++; l.started < l.sandboxes && l.settled <= l.settle && s.Ended < l.limit-l.window {
		return
	}
	l.phase, l.from, l.to = counting, s.Ended, s.Ended
	if l.opened != nil {
		l.opened()
	}
}

func (l *filledLoop) counts(s workloads.Sample[Reply]) {
	l.to = max(l.to, s.Ended)
	if s.Reply.OK() {
		l.ok++
		l.counted.add(s.Function)
		if s.Reply.Path == string(worker.Hot) {
			l.hot++
		}
	}
	if l.to-l.from < l.window || l.to < l.limit && !l.covered() {
		return
	}
	l.phase = over
	if l.closed != nil {
		l.closed()
	}
}

// covered reports whether every function has answered in the count, and whether there were
// replies enough for a rate.
func (l *filledLoop) covered() bool {
	return l.counted.n == l.functions && l.ok >= leastCompletions
}

// record hands the sink what the loop found: how full the fill was, always, and the rate
// with its coverage where there was a count.
func (l *filledLoop) record(sink *bench.Sink) {
	l.mu.Lock()
	defer l.mu.Unlock()
	put := func(metric, unit string, v float64, labels map[string]string) {
		sink.Measurement(record.Measurement{Metric: metric, Unit: unit, Value: v, Labels: labels})
	}
	if l.from == 0 {
		put(record.MetricFilled, record.UnitCount, float64(l.filled.n),
			map[string]string{record.LabelStopped: record.StoppedFill})
		return
	}
	put(record.MetricFilled, record.UnitCount, float64(l.filled.n), nil)
	put(record.MetricDistinct, record.UnitCount, float64(l.counted.n), nil)
	put(record.MetricCompletions, record.UnitCount, float64(l.ok), nil)
	if l.ok > 0 {
		put(record.MetricHotShare, record.UnitShare, float64(l.hot)/float64(l.ok), nil)
	}
	if rate := l.rate(); rate > 0 {
		put(record.MetricThroughput, record.UnitRate, rate, nil)
	}
}

// rate is correct replies a second in the count, 0 where there was none.
func (l *filledLoop) rate() float64 {
	if l.to == l.from {
		return 0
	}
	return float64(l.ok) / (l.to - l.from).Seconds()
}

// answered is a set of functions. The zero value is empty.
type answered struct {
	in map[int]struct{}
	n  int
}

func (a *answered) add(function int) {
	if a.in == nil {
		a.in = map[int]struct{}{}
	}
	a.in[function] = struct{}{}
	a.n = len(a.in)
}
