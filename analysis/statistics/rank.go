package statistics

import (
	"github.com/aclements/go-moremath/stats"
)

// Alpha is the level below which a difference counts as shown.
const Alpha = 0.05

// LeastForTest is the number of values on each side below which no difference can be
// shown at [Alpha], however large: with 3 against 3 the least p is 0.1.
const LeastForTest = 4

// Comparison is the outcome of a [RankTest].
type Comparison struct {
	P     float64 // two-sided; 1 where the test says nothing
	Shown bool    // a difference is shown at Alpha
	Note  string  // why nothing could be shown, if that is not for want of a difference
}

// RankTest asks whether a and b come from one distribution, by the two-sided
// Mann-Whitney U test: exact for small samples, with ties too, and by the normal
// approximation with tie correction for large ones.
func RankTest(a, b []float64) Comparison {
	if len(a) < LeastForTest || len(b) < LeastForTest {
		return Comparison{P: 1, Note: "too few: 4 on each side are needed to show a difference"}
	}
	r, err := stats.MannWhitneyUTest(a, b, stats.LocationDiffers)
	if err == stats.ErrSamplesEqual {
		return Comparison{P: 1, Note: "all values are equal"}
	} else if err != nil {
		return Comparison{P: 1, Note: err.Error()}
	}
	return Comparison{P: min(1, r.P), Shown: r.P < Alpha}
}
