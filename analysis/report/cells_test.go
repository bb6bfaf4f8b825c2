package report

import (
	"testing"

	"github.com/lambdabench/lambdabench/analysis/statistics"
	"github.com/lambdabench/lambdabench/analysis/summary"
)

func TestAGainOverAMegabyteIsToldOfPositiveSizesAlone(t *testing.T) {
	for bytes, want := range map[float64]string{1e6: "1x", 20e3: "50x", -60e3: none} {
		of := func(v float64) *summary.Result {
			return &summary.Result{N: 1, P50: v, PerTrial: []statistics.Trial{{Number: 1, Value: v}}}
		}
		if g := gain(of(bytes), of(1e6), true); g != want {
			t.Errorf("gain of %g bytes: %s, want %s", bytes, g, want)
		}
	}
}

func TestAnIntervalSaysWhatItIs(t *testing.T) {
	six := []statistics.Trial{{Value: 1}, {Value: 2}, {Value: 3}, {Value: 4}, {Value: 5}, {Value: 6}}
	for i := range six {
		six[i].Block = i + 1
	}
	of := func(trials []statistics.Trial) *summary.Result {
		i := statistics.MedianInterval(statistics.Values(trials))
		return &summary.Result{N: len(trials), P50: statistics.Median(statistics.Values(trials)), CILow: i.Low,
			CIHigh: i.High, Interval: i.Kind, Trials: i.Trials, PerTrial: trials}
	}
	for _, c := range []struct{ got, want string }{
		{median(of(six), 1), "3.50 [1, 6]"},
		{median(of(six[:5]), 1), "3 (1–5 of 5)"},
		{median(of(six[:1]), 1), "1"},
		{median(nil, 1), none},
		{gain(of(six), of(six[:6:6]), false), "1x [1, 1]"},
		{gain(of(six[:2]), of(six[1:3]), false), "0.6x (0.333–1 of 2)"},
		{gain(of(six[:2]), of(six[2:4]), true), "2.33x (1.50–4 of 2)"},
		{difference(of(six[:2]), of(six[:2])), "+0.000 (+0.000–+0.000 of 2)"},
		{median(&summary.Result{N: 9, P50: 2, CILow: 1, CIHigh: 3, Interval: summary.Schema1}, 1), "2 (1–3)"},
	} {
		if c.got != c.want {
			t.Errorf("%q, want %q", c.got, c.want)
		}
	}
}
