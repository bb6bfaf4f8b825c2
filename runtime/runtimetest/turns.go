package runtimetest

import (
	"slices"
	"testing"
	"time"
)

// InTurns measures what a layer adds to a call on the bare sandbox: it makes
// both calls in turns, so that both see the same machine, and reports the
// medians and their difference.
func InTurns(b *testing.B, bare, layered func() error) {
	var under, over []time.Duration
	for b.Loop() {
		begin := time.Now()
		if err := bare(); err != nil {
			b.Fatal(err)
		}
		middle := time.Now()
		if err := layered(); err != nil {
			b.Fatal(err)
		}
		under, over = append(under, middle.Sub(begin)), append(over, time.Since(middle))
	}
	b.ReportMetric(float64(median(under).Nanoseconds()), "bare-p50-ns")
	b.ReportMetric(float64(median(over).Nanoseconds()), "layered-p50-ns")
	b.ReportMetric(float64((median(over) - median(under)).Nanoseconds()), "added-p50-ns")
}

func median(d []time.Duration) time.Duration {
	slices.Sort(d)
	return d[len(d)/2]
}
