package report

import (
	"testing"

	"github.com/lambdabench/lambdabench/analysis/summary"
)

func TestAGainOverAMegabyteIsToldOfPositiveSizesAlone(t *testing.T) {
	for bytes, want := range map[float64]string{1e6: "1x", 20e3: "50x", -60e3: none} {
		if g := gain(&summary.Result{N: 1, P50: bytes}, &summary.Result{N: 1, P50: 1e6}, true); g != want {
			t.Errorf("gain of %g bytes: %s, want %s", bytes, g, want)
		}
	}
}
