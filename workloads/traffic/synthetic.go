package traffic

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math"
	"math/rand/v2"
	"time"

	"gonum.org/v1/gonum/stat/distuv"
)

// Synthetic makes a trace in the schema of 2019 from the published statistics of 'Serverless in
// the Wild'. Durations, memory, popularity and triggers are drawn from the paper's distributions.
// What the paper does not publish is assumed: a function's calls are a Poisson process whose
// rate follows the day, those of a timer come at equal distances; a function's durations
// are log-normal around its mean and an app's memory lies closely around its mean. Popularity and
// duration are independent.
type Synthetic struct {
	Functions int
	Minutes   int // of a day, from midnight; 0: 1440
	Seed      uint64
	// Popular bounds the mean rate of a function, in calls a day; 0: 10^8, as published. A lower
	// one leaves out the top of the distribution, as few functions of it ask for a data centre.
	Popular float64
	// Longest bounds the mean duration of a function in the same way; 0: no bound, as published.
	Longest time.Duration
}

// maxFunctions bounds a trace: the published day has 46,000.
const maxFunctions = 1_000_000

func (s *Synthetic) check() error {
	if s.Minutes == 0 {
		s.Minutes = minutesADay
	}
	if s.Popular == 0 {
		s.Popular = mostPopular
	}
	switch {
	case s.Functions < 1 || s.Functions > maxFunctions:
		return fmt.Errorf("synthetic trace: %d functions; want 1 to %d", s.Functions, maxFunctions)
	case s.Minutes < 1 || s.Minutes > minutesADay:
		return fmt.Errorf("synthetic trace: %d minutes; want 1 to %d", s.Minutes, minutesADay)
	case !(s.Popular > leastPopular) || s.Popular > mostPopular:
		return fmt.Errorf("synthetic trace: the most popular function has %g calls a day; want above %d, to %g",
			s.Popular, leastPopular, float64(mostPopular))
	case s.Longest != 0 && s.Longest < time.Millisecond:
		return fmt.Errorf("synthetic trace: the longest mean duration is %v; want at least 1ms", s.Longest)
	}
	return nil
}

// Header says where the trace is from and what bounds it has.
func (s Synthetic) Header() string {
	h := fmt.Sprintf("synthetic: drawn from the statistics of 'Serverless in the Wild' (ATC 2020), no calls of a real "+
		"platform; %d functions, seed %d", s.Functions, s.Seed)
	if s.Popular != 0 && s.Popular != mostPopular {
		h += fmt.Sprintf("; none above %g calls a day on average", s.Popular)
	}
	if s.Longest != 0 {
		h += fmt.Sprintf("; none above %v on average", s.Longest)
	}
	return h
}

// Make draws the trace. Every function is called at least once, as in the published one, which
// knows no others.
func (s Synthetic) Make() (*Trace, error) {
	if err := s.check(); err != nil {
		return nil, err
	}
	t := &Trace{Length: time.Duration(s.Minutes) * time.Minute, Header: s.Header()}
	popular, longest := shareOfRate(s.Popular), s.longestShare()
	for app := 0; len(t.Functions) < s.Functions; app++ {
		rng := rand.New(rand.NewPCG(s.Seed, uint64(app)))
		memory := burr(rng.Float64())
		owner, name := hash(s.Seed, "owner", app), hash(s.Seed, "app", app)
		for n := range min(functionsOf(rng.Float64(), rng.Float64()), s.Functions-len(t.Functions)) {
			u := rng.Float64() * popular
			mean := math.Exp(distuv.UnitNormal.Quantile(longest*(1-rng.Float64()))*lnDurationDeviation + lnDurationMean)
			f := Function{Owner: owner, App: name, Name: hash(s.Seed, name, n), Trigger: triggerOf(u, rng.Float64()),
				Mean: max(1, seconds(mean)), Duration: durationsAround(mean), Memory: memoryAround(memory),
				MeanMemory: memory, memorySamples: 1}
			s.call(&f, callsADay(u), rng)
			t.Functions = append(t.Functions, f)
		}
	}
	return t, nil
}

// longestShare is the share of the published durations that is drawn from.
func (s Synthetic) longestShare() float64 {
	if s.Longest == 0 {
		return math.Nextafter(1, 0)
	}
	return distuv.UnitNormal.CDF((math.Log(s.Longest.Seconds()) - lnDurationMean) / lnDurationDeviation)
}

// hash is a name like those of the published traces.
func hash(seed uint64, kind string, n int) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%d %s %d", seed, kind, n))
	return hex.EncodeToString(sum[:])
}

// call draws the calls of a function in each minute, from its mean rate in calls a day.
func (s Synthetic) call(f *Function, rate float64, rng *rand.Rand) {
	phase := rng.Float64()
	for m := range s.Minutes {
		n := 0.0
		if f.Trigger == "timer" {
			n = math.Floor(rate/minutesADay*float64(m+1)+phase) - math.Floor(rate/minutesADay*float64(m)+phase)
		} else {
			n = distuv.Poisson{Lambda: rate / minutesADay * course(m), Src: rng}.Rand()
		}
		if n > 0 {
			f.minutes = append(f.minutes, minute{uint16(m), uint32(min(n, maxMinute))})
			f.Calls += int64(min(n, maxMinute))
		}
	}
	if f.Calls == 0 {
		f.minutes, f.Calls = []minute{{uint16(rng.IntN(s.Minutes)), 1}}, 1
	}
}

// course is the rate in a minute of the day over its mean: a wave with its peak at 14:00.
func course(m int) float64 {
	const swing = (1 - trough) / (1 + trough)
	return 1 + swing*math.Cos(2*math.Pi*float64(m-14*60)/minutesADay)
}

// Assumed deviations of the logarithm within a function and within an app.
const withinFunction, withinApp = 0.5, 0.1

// durationsAround are the quantiles of a log-normal with this mean. What has a share of 0 or 1
// stands at 1 in 10,000.
func durationsAround(mean float64) (q Quantiles) {
	for _, s := range durationShares {
		z := distuv.UnitNormal.Quantile(min(1-1e-4, max(1e-4, s.share)))
		q.add(s.share, mean*math.Exp(withinFunction*z-withinFunction*withinFunction/2))
	}
	return q
}

// memoryAround are the quantiles of an app's memory, around its mean.
func memoryAround(mean float64) (q Quantiles) {
	for _, s := range memoryShares {
		z := distuv.UnitNormal.Quantile(min(1-1e-4, max(1e-4, s.share)))
		q.add(s.share, mean*math.Exp(withinApp*z-withinApp*withinApp/2))
	}
	return q
}
