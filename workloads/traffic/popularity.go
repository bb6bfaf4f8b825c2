package traffic

import "math"

// The published statistics of 'Serverless in the Wild' (Shahrad et al., ATC 2020).
const (
	// The mean duration of a function is log-normal: mean and deviation of ln seconds.
	lnDurationMean, lnDurationDeviation = -0.38, 2.36
	// The memory of an app is Burr XII: both shapes, and the scale in MB.
	burrC, burrK, burrScale = 11.652, 0.221, 107.083
	// Shares of functions by their mean rate; the rest up to 10^8 calls a day, eight decades over
	// the least popular.
	hourlyShare, minutelyShare = 0.45, 0.81
	leastPopular, mostPopular  = 1, 1e8 // calls a day
	// In the course of a day the load is never below half of its peak.
	trough = 0.5
)

// popularityTail is the exponent of the popularity of functions that are called more than once
// a minute on average, a bounded Pareto distribution. The paper gives the distribution's ends,
// and that the 18.6 % of apps above once a minute make 99.6 % of the calls. This exponent gives
// that share.
const popularityTail = 0.6

// callsADay is the mean rate that the share u of the functions do not exceed: linear in the
// logarithm of the rate up to once a minute, as the paper's figure 5 nearly is, then Pareto.
func callsADay(u float64) float64 {
	between := func(u, from, to, least, most float64) float64 {
		return least * math.Pow(most/least, (u-from)/(to-from))
	}
	switch {
	case u < hourlyShare:
		return between(u, 0, hourlyShare, leastPopular, 24)
	case u < minutelyShare:
		return between(u, hourlyShare, minutelyShare, 24, minutesADay)
	}
	const least = minutesADay
	bound := math.Pow(least/float64(mostPopular), popularityTail)
	above := (u - minutelyShare) / (1 - minutelyShare)
	return least * math.Pow(1-above*(1-bound), -1/popularityTail)
}

// shareOfRate is the inverse of callsADay, by bisection.
func shareOfRate(rate float64) float64 {
	lo, hi := 0.0, 1.0
	for range 60 {
		if mid := (lo + hi) / 2; callsADay(mid) < rate {
			lo = mid
		} else {
			hi = mid
		}
	}
	return hi
}

// burr is the memory in MB that the share u of the apps do not exceed.
func burr(u float64) float64 {
	return burrScale * math.Pow(math.Pow(1-u, -1/burrK)-1, 1/burrC)
}

// triggerShare is a trigger with its published shares in per cent (figure 2).
type triggerShare struct {
	name             string
	functions, calls float64
}

var triggerShares = []triggerShare{
	{"http", 55.0, 35.9}, {"queue", 15.2, 33.5}, {"event", 2.2, 24.7}, {"orchestration", 6.9, 2.3},
	{"timer", 15.6, 2.0}, {"storage", 2.8, 0.7}, {"others", 2.2, 1.0},
}

// popularClass is the share of functions, the most popular ones, among which triggers are drawn
// by their share of calls; the others get what is then missing to the shares of functions. The
// class makes nearly all calls, so both published shares hold. The class is as large as it can
// be: hardly a function with trigger event is left outside.
const popularClass = 0.08

// weight is the trigger's, in drawing one for a function at share u of the popularity.
func (s triggerShare) weight(u float64) float64 {
	if u >= 1-popularClass {
		return s.calls
	}
	return s.functions - popularClass*s.calls
}

// triggerOf draws a trigger for a function at share u of the popularity; v is drawn from 0 to 1.
func triggerOf(u, v float64) string {
	sum := 0.0
	for _, s := range triggerShares {
		sum += s.weight(u)
	}
	v *= sum
	for _, s := range triggerShares {
		if v -= s.weight(u); v < 0 {
			return s.name
		}
	}
	return triggerShares[0].name
}

// functionsOf draws the number of functions of an app by the paper's figure 1: 54 % of the apps
// have one, 95 % at most ten, 0.04 % more than 100. Both numbers are drawn from 0 to 1.
func functionsOf(u, v float64) int {
	for _, c := range []struct {
		share       float64
		least, most int
	}{{0.54, 1, 1}, {0.70, 2, 2}, {0.80, 3, 3}, {0.88, 4, 5}, {0.95, 6, 10}, {0.9996, 11, 100}} {
		if u < c.share {
			return int(float64(c.least) * math.Pow(float64(c.most+1)/float64(c.least), v))
		}
	}
	return 101
}
