package workloads

import (
	"fmt"
	"math"
	"time"
)

// Pacer says when calls are due. It is a pure function of the time since the
// start and of the number of calls so far, so it needs no clock to be tested,
// and the generator may ask it from any goroutine.
type Pacer interface {
	// Due returns when call number count (from 0) is due, elapsed after the
	// start; ok is false when there are no more. An open loop's answer does
	// not depend on elapsed: a generator that is late stays accountable for
	// the moment at which the call should have been made.
	Due(elapsed time.Duration, count int) (due time.Duration, ok bool)
}

// Closed is the closed loop: a call is due as soon as a client is free. It
// ends after Calls calls or after For, whichever is first; a zero field does
// not bound.
type Closed struct {
	Calls int
	For   time.Duration
}

// Due implements Pacer.
func (c Closed) Due(elapsed time.Duration, count int) (time.Duration, bool) {
	if c.Calls > 0 && count >= c.Calls || c.For > 0 && elapsed >= c.For {
		return 0, false
	}
	return elapsed, true
}

func (c Closed) String() string { return fmt.Sprintf("closed loop, %d calls, %v", c.Calls, c.For) }

// Constant is an open loop with equal gaps: Rate calls a second, the first
// after one gap, for the time For. A rate that is no positive finite number makes
// no call.
type Constant struct {
	Rate float64 // 1/s
	For  time.Duration
}

// Due implements Pacer.
func (c Constant) Due(_ time.Duration, count int) (time.Duration, bool) {
	if !(c.Rate > 0) || math.IsInf(c.Rate, 1) {
		return 0, false
	}
	due := time.Duration(float64(count+1) / c.Rate * float64(time.Second))
	return due, due <= c.For
}

func (c Constant) String() string { return fmt.Sprintf("%g/s for %v", c.Rate, c.For) }

// Bursts is an open loop of Count bursts of Size calls each, all calls of a
// burst due at once: the first at First, the next ones Every apart.
type Bursts struct {
	First, Every time.Duration
	Size, Count  int
}

// Due implements Pacer.
func (b Bursts) Due(_ time.Duration, count int) (time.Duration, bool) {
	n := b.Burst(count)
	if n >= b.Count || b.Size <= 0 {
		return 0, false
	}
	return b.First + time.Duration(n)*b.Every, true
}

// Burst is the number of the burst, from 0, that call number count is part of.
func (b Bursts) Burst(count int) int {
	if b.Size <= 0 {
		return 0
	}
	return count / b.Size
}

func (b Bursts) String() string {
	return fmt.Sprintf("%d bursts of %d, every %v from %v", b.Count, b.Size, b.Every, b.First)
}
