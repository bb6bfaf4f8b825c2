package workloads

import (
	"math"
	"math/rand/v2"
	"time"
)

// Schedule is an open loop whose every arrival is written down, in order.
type Schedule []time.Duration

// Due implements Pacer.
func (s Schedule) Due(_ time.Duration, count int) (time.Duration, bool) {
	if count >= len(s) {
		return 0, false
	}
	return s[count], true
}

// Profile is an offered rate that changes over time: its segments follow each other.
type Profile []Segment

// Segment is a time in which the rate goes linearly from From to To. A segment whose rates
// are no finite numbers from 0 on makes no call.
type Segment struct {
	For      time.Duration
	From, To float64 // 1/s
}

// Calls is the expected number of calls.
func (p Profile) Calls() (n float64) {
	for _, s := range p {
		n += s.calls()
	}
	return n
}

func (s Segment) calls() float64 {
	if !(s.From >= 0) || !(s.To >= 0) || math.IsInf(s.From+s.To, 1) {
		return 0
	}
	return (s.From + s.To) / 2 * s.For.Seconds()
}

// at is the time into the segment at which calls are expected to have been made.
func (s Segment) at(calls float64) time.Duration {
	// The root of From·t + (To-From)/(2·For)·t² = calls, in the form that loses no digits
	// where the rate hardly changes.
	growth := (s.To - s.From) / s.For.Seconds()
	t := 2 * calls / (s.From + math.Sqrt(max(0, s.From*s.From+2*growth*calls)))
	return min(s.For, time.Duration(t*float64(time.Second)))
}

// Even makes call number n when n calls are expected: equal gaps while the rate stays.
func (p Profile) Even() Schedule { return p.schedule(func() float64 { return 1 }) }

// Poisson draws a Poisson process of this rate: the same seed gives the same arrivals on
// every machine.
func (p Profile) Poisson(seed uint64) Schedule {
	return p.schedule(rand.New(rand.NewPCG(seed, 0x5eed)).ExpFloat64)
}

// schedule makes a call each time the expected number of calls has grown by what gap draws.
func (p Profile) schedule(gap func() float64) Schedule {
	var s Schedule
	var start time.Duration
	begun, due := 0.0, gap() // expected calls before the segment, and at the next call
	for _, segment := range p {
		ended := begun + segment.calls()
		// Rounding must not move the call at the very end of a segment behind a pause.
		for ; due <= ended+1e-9 && ended > begun; due += gap() {
			s = append(s, start+segment.at(due-begun))
		}
		start, begun = start+segment.For, ended
	}
	return s
}

// Poisson draws a Poisson process of rate calls a second over the time dur: gaps are
// exponential and independent. A rate that is not above 0 makes no call.
func Poisson(rate float64, dur time.Duration, seed uint64) Schedule {
	return Profile{{For: dur, From: rate, To: rate}}.Poisson(seed)
}
