package traffic

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/lambdabench/lambdabench/workloads"
)

// Kind is a way in which calls arrive.
type Kind string

// The kinds of arrivals, with the fields of Arrivals that each reads.
const (
	Constant Kind = "constant" // For, Rate: equal gaps
	Poisson  Kind = "poisson"  // For, Rate: exponential gaps
	OnOff    Kind = "on/off"   // For, Rate, On, Off, Random: Rate for the time On, then nothing for Off
	Ramp     Kind = "ramp"     // For, Rate, To, Random: from Rate to To
	Gaps     Kind = "gaps"     // For, List: from the first gap again when all are used up
	Bursts   Kind = "bursts"   // For, Sizes, Every, Random: sizes in turn, as STeLLAR's
)

// Arrivals says in a configuration when calls are due. All of them are open loops.
type Arrivals struct {
	Kind Kind          `yaml:"kind"`
	For  time.Duration `yaml:"for"`  // no call is due later
	Rate float64       `yaml:"rate"` // 1/s
	To   float64       `yaml:"to"`   // 1/s

	On  time.Duration `yaml:"on"`
	Off time.Duration `yaml:"off"`

	List []time.Duration `yaml:"list"`

	Sizes []int         `yaml:"sizes"` // calls of a burst
	Every time.Duration `yaml:"every"` // from burst to burst; the first is due after one gap

	// Random draws a Poisson process of the same rate: of calls, or of bursts.
	Random bool `yaml:"random"`
}

// maxArrivals bounds a schedule, so that a mistyped rate is refused and does not fill the memory.
const maxArrivals = 10_000_000

// Pacer is the arrivals as the load generator takes them. The seed is of what is drawn.
func (a Arrivals) Pacer(seed uint64) (workloads.Pacer, error) {
	if a.For <= 0 {
		return nil, fmt.Errorf("arrivals: for is %v; say how long calls arrive, such as 30s", a.For)
	}
	switch a.Kind {
	case Constant:
		return workloads.Constant{Rate: a.Rate, For: a.For}, a.limit(a.Rate * a.For.Seconds())
	case Poisson:
		return a.profile(workloads.Profile{{For: a.For, From: a.Rate, To: a.Rate}}, true, seed)
	case Ramp:
		return a.profile(workloads.Profile{{For: a.For, From: a.Rate, To: a.To}}, a.Random, seed)
	case OnOff:
		p, err := a.phases()
		if err != nil {
			return nil, err
		}
		return a.profile(p, a.Random, seed)
	case Gaps:
		return a.gaps()
	case Bursts:
		return a.bursts(seed)
	}
	return nil, fmt.Errorf("arrivals: no kind %q; want %s, %s, %s, %s, %s or %s", a.Kind, Constant, Poisson, OnOff,
		Ramp, Gaps, Bursts)
}

// limit refuses a number of calls that makes no sense.
func (a Arrivals) limit(calls float64) error {
	switch {
	case !(calls > 0) || math.IsInf(calls, 1):
		return fmt.Errorf("arrivals: a rate of %g/s for %v makes no call; give a rate above 0", a.Rate, a.For)
	case calls > maxArrivals:
		return fmt.Errorf("arrivals: %.0f calls, at most %d are written down; lower the rate or the time", calls,
			maxArrivals)
	}
	return nil
}

func (a Arrivals) profile(p workloads.Profile, random bool, seed uint64) (workloads.Pacer, error) {
	for _, s := range p {
		if !(s.From >= 0) || !(s.To >= 0) {
			return nil, fmt.Errorf("arrivals: rates from %g/s to %g/s; want numbers from 0 on", s.From, s.To)
		}
	}
	if err := a.limit(p.Calls()); err != nil {
		return nil, err
	}
	if random {
		return p.Poisson(seed), nil
	}
	return p.Even(), nil
}

// phases are the times on and off, of which the last may be short.
func (a Arrivals) phases() (p workloads.Profile, err error) {
	if a.On <= 0 || a.Off < 0 || a.For/max(1, a.On+a.Off) > maxArrivals {
		return nil, fmt.Errorf("arrivals: on %v, off %v; want times such as on: 5s, off: 20s", a.On, a.Off)
	}
	for left := a.For; left > 0; left -= a.On + a.Off {
		p = append(p, workloads.Segment{For: min(left, a.On), From: a.Rate, To: a.Rate}, workloads.Segment{For: a.Off})
	}
	return p, nil
}

func (a Arrivals) gaps() (workloads.Pacer, error) {
	sum := time.Duration(0)
	for i, g := range a.List {
		if g < 0 {
			return nil, fmt.Errorf("arrivals: gap %d of the list is %v; want times from 0 on", i+1, g)
		}
		sum += g
	}
	if sum <= 0 {
		return nil, errors.New("arrivals: the list of gaps has no time in it; give list: [10ms, 250ms, …]")
	}
	if err := a.limit(float64(a.For) / float64(sum) * float64(len(a.List))); err != nil {
		return nil, err
	}
	var s workloads.Schedule
	due := time.Duration(0)
	for n := 0; ; n++ {
		if due += a.List[n%len(a.List)]; due > a.For {
			return s, nil
		}
		s = append(s, due)
	}
}

func (a Arrivals) bursts(seed uint64) (workloads.Pacer, error) {
	if len(a.Sizes) == 0 || slices.Min(a.Sizes) < 1 || a.Every <= 0 {
		return nil, fmt.Errorf("arrivals: bursts of %v calls every %v; want sizes from 1 on and a time, such as "+
			"sizes: [1, 100], every: 10s", a.Sizes, a.Every)
	}
	starts := workloads.Profile{{For: a.For, From: 1 / a.Every.Seconds(), To: 1 / a.Every.Seconds()}}
	if err := a.limit(starts.Calls() * float64(slices.Max(a.Sizes))); err != nil {
		return nil, err
	}
	due := starts.Even()
	if a.Random {
		due = starts.Poisson(seed)
	}
	var s workloads.Schedule
	for n, at := range due {
		for range a.Sizes[n%len(a.Sizes)] {
			s = append(s, at)
		}
	}
	return s, nil
}
