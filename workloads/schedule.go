package workloads

import (
	"bufio"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Schedule is an open loop whose every arrival is written down: a trace, or
// one drawing of a random process. Arrivals are in order.
type Schedule []time.Duration

// Due implements Pacer.
func (s Schedule) Due(_ time.Duration, count int) (time.Duration, bool) {
	if count >= len(s) {
		return 0, false
	}
	return s[count], true
}

// Poisson draws a Poisson process of rate calls a second over the time dur:
// gaps are exponential and independent, and the same seed gives the same
// arrivals on every machine. Eight bytes are kept for each arrival.
func Poisson(rate float64, dur time.Duration, seed uint64) Schedule {
	if rate <= 0 {
		return nil
	}
	rng := newRand(seed)
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

// ReadTrace reads a trace: one arrival a line, in seconds since its start
// ("12.345"); blank lines and lines that begin with # are skipped. Arrivals
// need not be sorted.
func ReadTrace(r io.Reader) (Schedule, error) {
	var s Schedule
	sc := bufio.NewScanner(r)
	for line := 1; sc.Scan(); line++ {
		text := strings.TrimSpace(sc.Text())
		if text == "" || text[0] == '#' {
			continue
		}
		sec, err := strconv.ParseFloat(text, 64)
		if err != nil || !(sec >= 0 && sec < 1e8) {
			return nil, fmt.Errorf("trace, line %d: %q is not a time in seconds", line, text)
		}
		s = append(s, time.Duration(sec*float64(time.Second)))
	}
	if err := sc.Err(); err != nil {
		return nil, fmt.Errorf("read trace: %w", err)
	}
	slices.Sort(s)
	return s, nil
}

// newRand is the one source of randomness here: PCG, seeded by the caller.
func newRand(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 0x5eed)) }
