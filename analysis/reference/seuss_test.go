package reference_test

import (
	"math"
	"testing"

	"github.com/lambdabench/lambdabench/analysis/reference"
)

func TestMBEachIsThePapers(t *testing.T) {
	want := []float64{196, 29.3, 21.0, 1.63} // table 3, last column
	for i, iso := range reference.Isolations() {
		if got := iso.MBEach(); math.Abs(got-want[i])/want[i] > 0.005 {
			t.Errorf("%s: %.4g MB each, the paper has %g", iso.Name, got, want[i])
		}
	}
}

func TestThroughputsAreFigure4(t *testing.T) {
	all, err := reference.Throughputs()
	if err != nil {
		t.Fatal(err)
	}
	first, last := all[0], all[len(all)-1]
	if len(all) != 11 || first != (reference.Throughput{Functions: 64, SEUSS: 145.24, Linux: 176.39}) ||
		last.Functions != 65536 {
		t.Errorf("%d points from %v to %v", len(all), first, last)
	}
	if gain := last.SEUSS / last.Linux; math.Round(gain) != 52 {
		t.Errorf("at M = 65,536 the ratio is %.1f, the paper's drawing has 52", gain)
	}
}
