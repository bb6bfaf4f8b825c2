package traffic

import (
	"fmt"
	"hash/fnv"
	"iter"
	"math/rand/v2"
	"slices"
	"time"
)

// Call is one call of a trace.
type Call struct {
	Due       time.Duration // from the start of the trace
	Duration  time.Duration // that the function computes for
	Function  int32         // index in Trace.Functions
	Megabytes float32       // that the function touches; 0 where the trace does not say
}

// Options are of a plan. The zero value is a plan with seed 0.
type Options struct {
	Seed    uint64
	Spacing Spacing       // inside a minute; empty: Exponential
	Calls   int           // budget; 0: DefaultCalls
	For     time.Duration // budget of time, after Squeeze; 0: no bound
	// Squeeze divides all times between calls, and no durations: a trace that is squeezed asks for
	// more at a time than was ever asked for. 0 and 1: as it was.
	Squeeze float64
}

// DefaultCalls is the budget of calls of a plan that names none, some 250 MB.
const DefaultCalls = 10_000_000

func (o *Options) check() error {
	if o.Spacing == "" {
		o.Spacing = Exponential
	}
	if o.Calls == 0 {
		o.Calls = DefaultCalls
	}
	if o.Squeeze == 0 {
		o.Squeeze = 1
	}
	if o.Calls < 0 || o.For < 0 || !(o.Squeeze >= 1) || o.Squeeze > 1e6 {
		return fmt.Errorf("plan: %d calls, %v, squeezed %g times; want a budget from 0 on and a factor from 1 to 1e6",
			o.Calls, o.For, o.Squeeze)
	}
	return o.Spacing.check()
}

// All yields every call in the order in which they are due. It holds one minute at a time.
func (tr *Trace) All(seed uint64, spacing Spacing) iter.Seq[Call] {
	if tr.calls != nil {
		return slices.Values(tr.calls)
	}
	return func(yield func(Call) bool) {
		d := drawing{trace: tr, seed: seed, spacing: spacing, next: make([]int, len(tr.Functions)),
			seeds: make([]uint64, len(tr.Functions))}
		for i := range tr.Functions {
			d.seeds[i] = seedOf(&tr.Functions[i])
		}
		for m := range int(tr.Length / time.Minute) {
			for _, c := range d.minute(m) {
				if !yield(c) {
					return
				}
			}
		}
	}
}

// drawing is a trace by minute whose calls are being drawn.
type drawing struct {
	trace   *Trace
	seed    uint64
	spacing Spacing
	seeds   []uint64 // of the functions
	next    []int    // of each function's minutes, the one that comes next

	calls   []Call
	moments []float64
}

// minute draws the calls of minute m. The result is valid until the next call.
func (d *drawing) minute(m int) []Call {
	d.calls = d.calls[:0]
	for i := range d.trace.Functions {
		f := &d.trace.Functions[i]
		if d.next[i] == len(f.minutes) || int(f.minutes[d.next[i]].number) != m {
			continue
		}
		n := int(f.minutes[d.next[i]].calls)
		d.next[i]++
		rng := rand.New(rand.NewPCG(d.seed^d.seeds[i], uint64(m)))
		own := float64(d.seeds[i]^d.seed) / (1 << 64)
		d.moments = d.spacing.lay(d.moments[:0], n, own, rng)
		for _, s := range d.moments {
			d.calls = append(d.calls, Call{Due: time.Duration(m)*time.Minute + seconds(s), Function: int32(i),
				Duration: seconds(f.Duration.At(rng.Float64())), Megabytes: float32(f.Memory.At(rng.Float64()))})
		}
	}
	slices.SortFunc(d.calls, byDue)
	return d.calls
}

// seedOf is a number of the function itself: its place in the trace has no part in it.
func seedOf(f *Function) uint64 {
	h := fnv.New64a()
	h.Write([]byte(f.id()))
	return mix(h.Sum64())
}

// mix spreads a number over all bits (the finaliser of SplitMix64): FNV's high bits hardly
// depend on the last letters.
func mix(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// Plan is the calls that are to be made, as a pacer of the load generator.
type Plan struct {
	Calls []Call
	// Cut tells which budget left calls out, and how many; empty where the whole trace is
	// planned. Every figure of the plan is shown with its Cut.
	Cut     string
	Squeeze float64 // how many times faster than in the trace calls follow each other; 1: not
}

// Plan draws the calls of the trace, up to the budget.
func (tr *Trace) Plan(o Options) (*Plan, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	asked := tr.Asked()
	p := &Plan{Calls: make([]Call, 0, min(asked, int64(o.Calls))), Squeeze: o.Squeeze}
	budget := ""
	for c := range tr.All(o.Seed, o.Spacing) {
		c.Due = time.Duration(float64(c.Due) / o.Squeeze)
		switch {
		case o.For > 0 && c.Due >= o.For:
			budget = fmt.Sprintf("its budget of %v", o.For)
		case len(p.Calls) == o.Calls:
			budget = fmt.Sprintf("its budget of %d calls", o.Calls)
		}
		if budget != "" {
			break
		}
		p.Calls = append(p.Calls, c)
	}
	if budget != "" {
		p.Cut = fmt.Sprintf("the trace is cut off by %s: %d of %d calls are made (%.3g %%), of the first %v of %v",
			budget, len(p.Calls), asked, 100*float64(len(p.Calls))/float64(asked),
			p.length().Round(time.Millisecond), (time.Duration(float64(tr.Length) / o.Squeeze)).Round(time.Millisecond))
	}
	return p, nil
}

// Asked is the number of calls of the trace.
func (tr *Trace) Asked() (n int64) {
	for i := range tr.Functions {
		n += tr.Functions[i].Calls
	}
	return n
}

func (p *Plan) length() time.Duration {
	if len(p.Calls) == 0 {
		return 0
	}
	return p.Calls[len(p.Calls)-1].Due
}

// Due implements workloads.Pacer.
func (p *Plan) Due(_ time.Duration, count int) (time.Duration, bool) {
	if count >= len(p.Calls) {
		return 0, false
	}
	return p.Calls[count].Due, true
}

// Pick is the function of call number n, for a workloads.Load.
func (p *Plan) Pick(n int) int { return int(p.Calls[n].Function) }

func (p *Plan) String() string {
	s := fmt.Sprintf("%d calls in %v", len(p.Calls), p.length().Round(time.Millisecond))
	if p.Squeeze > 1 {
		s += fmt.Sprintf(", squeezed %g times", p.Squeeze)
	}
	if p.Cut != "" {
		s += "; " + p.Cut
	}
	return s
}
