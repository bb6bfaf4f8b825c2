package workloads

import (
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

// Poisson draws a Poisson process of rate calls a second over the time dur: gaps are
// exponential and independent, and the same seed gives the same arrivals on every machine.
// A rate that is not above 0 makes no call.
func Poisson(rate float64, dur time.Duration, seed uint64) Schedule {
	if !(rate > 0) {
		return nil
	}
	rng := rand.New(rand.NewPCG(seed, 0x5eed))
	var s Schedule
	for t := 0.0; ; {
		t += rng.ExpFloat64() / rate
		due := time.Duration(t * float64(time.Second))
		if due > dur {
			return s
		}
		s = append(s, due)
	}
}
