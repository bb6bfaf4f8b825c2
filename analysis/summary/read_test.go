package summary

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/lambdabench/lambdabench/analysis/record"
	"github.com/lambdabench/lambdabench/analysis/record/recordtest"
)

func TestWarmupsDoNotCount(t *testing.T) {
	s, _, err := Read(recordtest.TwoPaths(t), "")
	if err != nil {
		t.Fatal(err)
	}
	if r := s.One(Query{Metric: MetricLatency, Path: "hot"}); r == nil || r.N != 200 {
		t.Errorf("%+v", r)
	}
}

func TestStraysAreLeftOutAndSaid(t *testing.T) {
	g := recordtest.New(t, 1, 1)
	g.Trial("deploy", "process", "nodejs20.x", "worker", nil,
		func(put func(record.Invocation), _ func(record.Measurement)) {
			put(record.Invocation{Path: "hot", Latency: 1e6, Outcome: "ok"})
			put(record.Invocation{Path: "boot", Latency: 9e6, Outcome: "ok",
				Labels: map[string]string{record.LabelIntended: "hot"}})
		})
	s, _, err := Read(g.Dir, "")
	if err != nil {
		t.Fatal(err)
	}
	r := s.One(Query{Metric: MetricLatency})
	if r == nil || r.N != 1 || r.Path != "hot" ||
		!slices.ContainsFunc(r.Warnings, func(w Warning) bool { return strings.Contains(string(w), "1 boot") }) {
		t.Errorf("%+v", r)
	}
	if len(s.Find(Query{Path: "boot"})) > 0 {
		t.Error("a stray has a series of its own")
	}
}

func TestAFailureBeforeAPathIsNoStray(t *testing.T) {
	g := recordtest.New(t, 1, 1)
	g.Trial("overhead", "process", "nodejs20.x", "gateway", nil,
		func(put func(record.Invocation), _ func(record.Measurement)) {
			put(record.Invocation{Path: "hot", Latency: 1e6, Outcome: "ok"})
			put(record.Invocation{Latency: 1e6, Outcome: "refused",
				Labels: map[string]string{record.LabelIntended: "hot"}})
		})
	s, _, err := Read(g.Dir, "")
	if err != nil {
		t.Fatal(err)
	}
	if all := s.Find(Query{Metric: MetricErrorRate}); len(all) != 1 || all[0].Path != "hot" || all[0].P50 != 0.5 ||
		all[0].N != 2 {
		t.Errorf("%+v", all)
	}
}

func TestQuantitiesOfFewTrialsAreWarnedOf(t *testing.T) {
	g := recordtest.New(t, 1, 1)
	for range 3 {
		g.Throughput("process", "nodejs20.x", 64)
	}
	s, _, err := Read(g.Dir, "")
	if err != nil {
		t.Fatal(err)
	}
	r := s.One(Query{Metric: record.MetricThroughput})
	if r == nil || !strings.Contains(fmt.Sprint(r.Warnings), WarnFewTrials) {
		t.Errorf("%+v", r)
	}
}

func TestFailuresBeforeAPathCountForTheTrialsPath(t *testing.T) {
	g := recordtest.New(t, 1, 1)
	g.Trial("deploy", "process", "nodejs20.x", "worker", nil,
		func(put func(record.Invocation), _ func(record.Measurement)) {
			for range 3 {
				put(record.Invocation{Path: "cold", Latency: 1e6, Outcome: "ok"})
			}
			put(record.Invocation{Latency: 9e6, Outcome: "refused"})
		})
	s, _, err := Read(g.Dir, "")
	if err != nil {
		t.Fatal(err)
	}
	if all := s.Find(Query{Metric: MetricErrorRate}); len(all) != 1 || all[0].Path != "cold" || all[0].P50 != 0.25 ||
		all[0].N != 4 {
		t.Errorf("%+v", all)
	}
}

func TestThroughputFollowsFromRecordsWhereItWasNotMeasured(t *testing.T) {
	g := recordtest.New(t, 1, 1)
	g.Trial("throughput", "process", "nodejs20.x", "worker", map[string]string{"functions": "8"},
		func(put func(record.Invocation), _ func(record.Measurement)) {
			for i := range 100 {
				r := record.Invocation{Scheduled: int64(i) * 1e7, Latency: 1e7, Outcome: "ok"}
				if i%10 == 5 {
					r.Outcome = "error"
				}
				put(r)
			}
		})
	s, _, err := Read(g.Dir, "")
	if err != nil {
		t.Fatal(err)
	}
	if r := s.One(Query{Metric: record.MetricThroughput}); r == nil || math.Abs(r.P50-90) > 1e-9 {
		t.Errorf("90 correct replies within a second: %+v", r)
	}
}

func TestLongestSilence(t *testing.T) {
	for _, c := range []struct {
		name   string
		points []Point
		want   float64
	}{
		{"steady", []Point{{At: 0, Latency: 100, OK: true}, {At: 1, Latency: 100, OK: true}}, 1},
		{"failures are no replies", []Point{{At: 0, Latency: 0, OK: true}, {At: 1}, {At: 5, Latency: 1000, OK: true}},
			6},
		{"nothing ever answered", []Point{{At: 2}, {At: 9}}, 7},
		{"silent at the end", []Point{{At: 0, Latency: 0, OK: true}, {At: 8}}, 8},
	} {
		if got, ok := longestSilence(c.points); !ok || got != c.want {
			t.Errorf("%s: %g, want %g", c.name, got, c.want)
		}
	}
	if _, ok := longestSilence(nil); ok {
		t.Error("a silence of nothing")
	}
}

func TestIncompleteRunsSaySo(t *testing.T) {
	dir := recordtest.TwoPaths(t)
	if err := os.WriteFile(filepath.Join(dir, record.PlanFile), []byte(`["a","b","c","d","e"]`), 0o644); err != nil {
		t.Fatal(err)
	}
	s, _, err := Read(dir, "")
	if err != nil || fmt.Sprint(s.Warnings()) != "[incomplete: 4 of 5 trials are recorded; run the suite again with "+
		"the same --out]" {
		t.Errorf("%v, %v", s.Warnings(), err)
	}
}

func TestWarnings(t *testing.T) {
	s := &Summary{Run: Run{Trials: 1}, Results: []Result{{N: 1}}}
	s.Machine.Dirty, s.Machine.MemorySampled, s.Machine.Cores, s.Machine.LoadBefore = true, true, 2, [3]float64{2}
	var kinds []string
	for _, w := range s.Warnings() {
		kinds = append(kinds, w.Kind())
	}
	if fmt.Sprint(kinds) != "[dirty tree memory is sampled load before the run]" {
		t.Errorf("%v", kinds)
	}
	got := sampleWarnings(Result{N: 5000, P50: 1, CILow: 0.9, CIHigh: 1.1, Trials: 1})
	if fmt.Sprint(got) != "[single trial: how trials differ is not known noisy: interval wider than 10 % too few "+
		"samples for p99.9: 5,000, want 10,000]" {
		t.Errorf("%v", got)
	}
}

// BenchmarkSummarise analyses SYNTHETIC invocations, 50,000 a trial; the time
// for two million rows is 40 of them.
func BenchmarkSummarise(b *testing.B) {
	g := recordtest.New(b, 1, 1)
	for range 4 {
		many(g, 50_000)
	}
	rows := 0
	for b.Loop() {
		_, d, err := Read(g.Dir, "")
		if err != nil {
			b.Fatal(err)
		}
		rows += d.Rows
	}
	b.ReportMetric(float64(rows)/b.Elapsed().Seconds(), "rows/s")
}

func many(g *recordtest.Run, n int) {
	g.Trial("throughput", "process", "nodejs20.x", "worker", map[string]string{"functions": "4096"},
		func(put func(record.Invocation), _ func(record.Measurement)) {
			for i := range n {
				r := record.Invocation{Function: fmt.Sprintf("nop-%05d", i%4096), Path: "hot",
					Scheduled: int64(i) * 1e5,
					Started:   int64(i) * 1e5, Latency: g.Draw(2), Outcome: "ok"}
				r.Run = r.Latency / 2
				put(r)
			}
		})
}

// TestWriteLargeRun leaves a SYNTHETIC run of two million rows in the folder
// that LAMBDABENCH_LARGE_RUN names, for measuring the report's memory by hand.
func TestWriteLargeRun(t *testing.T) {
	dir := os.Getenv("LAMBDABENCH_LARGE_RUN")
	if dir == "" {
		t.Skip("set LAMBDABENCH_LARGE_RUN to a folder to have two million synthetic rows written there")
	}
	g := recordtest.New(t, 1, 1)
	for range 40 {
		many(g, 50_000)
	}
	if err := os.CopyFS(filepath.Clean(dir), os.DirFS(g.Dir)); err != nil {
		t.Fatal(err)
	}
}
