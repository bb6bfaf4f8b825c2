package traffic

import (
	"math"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"gonum.org/v1/gonum/stat"
)

// back is a synthetic trace that was written and read again.
func back(t *testing.T, s Synthetic) *Trace {
	t.Helper()
	made, err := s.Make()
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "day")
	if err := made.Write(dir, made.Header); err != nil {
		t.Fatal(err)
	}
	read, err := Open(dir, Window{})
	if err != nil {
		t.Fatal(err)
	}
	return read
}

func TestASyntheticTraceHasThePublishedStatistics(t *testing.T) {
	const n = 8000
	trace := back(t, Synthetic{Functions: n, Minutes: 60, Seed: 5})
	d := trace.Describe()
	if !strings.HasPrefix(trace.Header, "synthetic: ") || len(trace.Notes) != 0 || d.Functions != n {
		t.Fatalf("header %q, notes %q, %d functions", trace.Header, trace.Notes, d.Functions)
	}
	// Four standard errors of the mean and of the deviation.
	if tolerance := 4 * lnDurationDeviation / math.Sqrt(n); math.Abs(d.LnMean-lnDurationMean) > tolerance ||
		math.Abs(d.LnStdDev-lnDurationDeviation) > tolerance {
		t.Errorf("ln of the durations: mean %.3f, deviation %.3f", d.LnMean, d.LnStdDev)
	}
	var uniform []float64
	seen := map[string]bool{}
	for _, f := range trace.Functions {
		if !seen[f.App] {
			uniform = append(uniform, 1-math.Pow(1+math.Pow(f.MeanMemory/burrScale, burrC), -burrK))
		}
		seen[f.App] = true
	}
	slices.Sort(uniform)
	if ks := distance(uniform); ks > 1.95/math.Sqrt(float64(len(uniform))) { // significance 0.001
		t.Errorf("memory is %.4f from Burr's distribution, of %d apps", ks, len(uniform))
	}
	for _, want := range triggerShares {
		i := slices.IndexFunc(d.Triggers, func(c TriggerCount) bool { return c.Name == want.name })
		p := want.functions / 100
		if i < 0 || math.Abs(d.Triggers[i].Functions-p) > 4*math.Sqrt(p*(1-p)/n)+0.002 {
			t.Errorf("trigger %s: %+v, want %.1f %% of the functions", want.name, d.Triggers, want.functions)
		}
	}
}

// distance is Kolmogorov and Smirnov's of values in order to the uniform distribution.
func distance(values []float64) float64 {
	grid := make([]float64, 10_000)
	for i := range grid {
		grid[i] = (float64(i) + 0.5) / float64(len(grid))
	}
	return stat.KolmogorovSmirnov(values, nil, grid, nil)
}

func TestPopularityIsThePublishedOne(t *testing.T) {
	const n = 200_000
	rates, hourly, minutely, total := make([]float64, n), 0, 0, 0.0
	functions, calls := make([]float64, len(triggerShares)), make([]float64, len(triggerShares))
	for i := range rates {
		u := (float64(i) + 0.5) / n
		rates[i] = callsADay(u)
		total += rates[i]
		if rates[i] <= 24 {
			hourly++
		}
		if rates[i] <= minutesADay {
			minutely++
		}
		sum := 0.0
		for _, s := range triggerShares {
			sum += s.weight(u)
		}
		for k, s := range triggerShares {
			functions[k] += 100 * s.weight(u) / sum / n
			calls[k] += rates[i] * s.weight(u) / sum
		}
	}
	if !slices.IsSorted(rates) || math.Abs(float64(hourly)/n-0.45) > 1e-3 || math.Abs(float64(minutely)/n-0.81) > 1e-3 {
		t.Errorf("%d at most once an hour, %d at most once a minute", hourly, minutely)
	}
	if decades := math.Log10(callsADay(1) / callsADay(0)); math.Abs(decades-8) > 1e-6 {
		t.Errorf("popularity over %.3f decades", decades)
	}
	top := 0.0
	for _, r := range rates[int((1-published)*n):] {
		top += r
	}
	if share := top / total; math.Abs(share-0.996) > 0.001 {
		t.Errorf("the most popular 18.6 %% make %.2f %% of the calls", 100*share)
	}
	for k, want := range triggerShares {
		if f, c := functions[k], 100*calls[k]/total; math.Abs(f-want.functions) > 0.2 || math.Abs(c-want.calls) > 0.5 {
			t.Errorf("trigger %s: %.1f %% of the functions, %.1f %% of the calls; want %g and %g", want.name, f, c,
				want.functions, want.calls)
		}
	}
	for _, u := range []float64{0.1, 0.45, 0.7, 0.9, 0.999} {
		if got := shareOfRate(callsADay(u)); math.Abs(got-u) > 1e-9 {
			t.Errorf("share %g comes back as %g", u, got)
		}
	}
}

func TestAppsHaveAsManyFunctionsAsPublished(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	const n = 100_000
	one, ten := 0, 0
	for range n {
		switch k := functionsOf(rng.Float64(), rng.Float64()); {
		case k < 1:
			t.Fatal("an app without functions")
		case k == 1:
			one++
			fallthrough
		case k <= 10:
			ten++
		}
	}
	if math.Abs(float64(one)/n-0.54) > 0.01 || math.Abs(float64(ten)/n-0.95) > 0.01 {
		t.Errorf("%d of %d apps have one function, %d at most ten", one, n, ten)
	}
}

func TestTheCallsOfASyntheticDayFollowTheirRateTheDayAndTheirTimer(t *testing.T) {
	s := Synthetic{Minutes: minutesADay, Seed: 1}
	rng := rand.New(rand.NewPCG(3, 4))
	f := Function{Trigger: "http"}
	s.call(&f, 1e6, rng)
	if math.Abs(float64(f.Calls)-1e6) > 4e3 {
		t.Errorf("%d calls at a rate of 1,000,000 a day", f.Calls)
	}
	low, high := math.Inf(1), 0.0
	for m := range minutesADay {
		low, high = min(low, course(m)), max(high, course(m))
	}
	if math.Abs(low/high-trough) > 1e-3 {
		t.Errorf("the load falls to %.3f of its peak", low/high)
	}
	timer := Function{Trigger: "timer"}
	s.call(&timer, 96, rng)
	for i := 1; i < len(timer.minutes); i++ {
		if gap := timer.minutes[i].number - timer.minutes[i-1].number; gap != 15 {
			t.Fatalf("a timer of 96 calls a day has a gap of %d minutes", gap)
		}
	}
	if timer.Calls != 96 {
		t.Errorf("%d calls of a timer of 96 a day", timer.Calls)
	}
}

func TestBoundsOfASyntheticTraceHoldAndStandInItsHeader(t *testing.T) {
	trace := back(t, Synthetic{Functions: 500, Minutes: 30, Seed: 2, Popular: 100, Longest: time.Second})
	for _, f := range trace.Functions {
		if f.Mean > time.Second || f.Calls > 30 {
			t.Fatalf("a function of %d calls and %v", f.Calls, f.Mean)
		}
	}
	for _, want := range []string{"none above 100 calls a day", "none above 1s"} {
		if !strings.Contains(trace.Header, want) {
			t.Errorf("header %q does not say %q", trace.Header, want)
		}
	}
	for _, s := range []Synthetic{{}, {Functions: 1 << 30}, {Functions: 1, Minutes: 1441}, {Functions: 1, Popular: 1},
		{Functions: 1, Popular: math.NaN()}, {Functions: 1, Longest: 1}} {
		if _, err := s.Make(); err == nil {
			t.Errorf("%+v is accepted", s)
		}
	}
}

func TestWithinAFunctionDurationsSpreadAroundItsMean(t *testing.T) {
	q := durationsAround(2)
	var sum float64
	const n = 10_000
	for i := range n {
		sum += q.At((float64(i) + 0.5) / n)
	}
	// Between the last percentile and the maximum a little more weight lies than in a log-normal.
	if mean := sum / n; math.Abs(mean-2) > 0.15 || !(q.At(0) < q.At(0.5) && q.At(0.5) < 2 && 2 < q.At(1)) {
		t.Errorf("quantiles %v of mean %.3f", q, mean)
	}
	if burr(0.5) < 130 || burr(0.5) > 150 {
		t.Errorf("median memory %g MB", burr(0.5))
	}
}
