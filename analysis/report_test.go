package analysis

import (
	"bytes"
	"encoding/json"
	"flag"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/lambdabench/lambdabench/analysis/record"
)

var update = flag.Bool("update", false, "write the golden files anew")

// reported is one SYNTHETIC run, reported once for all tests that only look at it.
type reported struct {
	dir     string
	summary *Summary
}

var once struct {
	sync.Once
	reported
}

func report(t *testing.T) reported {
	t.Helper()
	once.Do(func() {
		dir, err := os.MkdirTemp("", "analysis-test-")
		if err != nil {
			t.Fatal(err)
		}
		once.dir = filepath.Join(dir, "synthetic")
		if err := os.CopyFS(once.dir, os.DirFS(syntheticRun(t, 1, 1))); err != nil {
			t.Fatal(err)
		}
		if once.summary, err = Report(once.dir, Options{}); err != nil {
			t.Fatal(err)
		}
	})
	if once.summary == nil {
		t.Fatal("the synthetic run could not be reported")
	}
	return once.reported
}

func TestMain(m *testing.M) {
	flag.Parse()
	code := m.Run()
	if once.dir != "" {
		os.RemoveAll(filepath.Dir(once.dir))
	}
	os.Exit(code)
}

// golden compares with testdata/name, whose contents come from SYNTHETIC records.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		a, b := strings.Split(string(got), "\n"), strings.Split(string(want), "\n")
		for i := range a {
			if i >= len(b) || a[i] != b[i] {
				t.Fatalf("%s, line %d:\n got %q\nwant %q\n(go test ./analysis -update writes it anew)", path, i+1, a[i], append(b, "")[min(i, len(b))])
			}
		}
		t.Fatalf("%s has lines that are no longer there", path)
	}
}

func TestTablesAreGolden(t *testing.T) {
	var b bytes.Buffer
	if err := Tables(&b, report(t).summary); err != nil {
		t.Fatal(err)
	}
	golden(t, "SYNTHETIC-tables.txt", b.Bytes())
}

func TestFiguresDataIsGolden(t *testing.T) {
	dir := report(t).dir
	files, err := filepath.Glob(filepath.Join(dir, FiguresFolder, "*.csv"))
	if err != nil || len(files) < 11 {
		t.Fatalf("%d figures, %v", len(files), err)
	}
	for _, f := range files {
		for _, ext := range []string{".png", ".svg"} {
			if st, err := os.Stat(strings.TrimSuffix(f, ".csv") + ext); err != nil || st.Size() < 1000 {
				t.Errorf("%s of %s: %v", ext, f, err)
			}
		}
		name := filepath.Base(f)
		if strings.HasPrefix(name, "burst") && name != "burst-container-runc-nodejs20.x.csv" || strings.Contains(name, "python") {
			continue // the same code draws them, and they are long
		}
		data, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		golden(t, "SYNTHETIC-figures/"+name, everyFew(data))
	}
}

// everyFew is some 200 lines at most, evenly taken.
func everyFew(data []byte) []byte {
	lines := bytes.SplitAfter(data, []byte("\n"))
	var kept []byte
	for i := 0; i < len(lines); i += 1 + len(lines)/200 {
		kept = append(kept, lines[i]...)
	}
	return kept
}

func TestSummaryHasTheFieldsThatToolsRelyOn(t *testing.T) {
	r := report(t)
	b, err := os.ReadFile(filepath.Join(r.dir, SummaryFile))
	if err != nil {
		t.Fatal(err)
	}
	var raw map[string]any
	if err := json.Unmarshal(b, &raw); err != nil {
		t.Fatal(err)
	}
	if got, want := sortedKeys(raw), []string{"machine", "results", "run", "schema"}; !slices.Equal(got, want) || raw["schema"] != 1.0 {
		t.Errorf("keys %v, schema %v", got, raw["schema"])
	}
	fields := []string{"backend", "ci_high", "ci_low", "experiment", "labels", "metric", "n", "p50", "p90", "p99", "path", "runtime", "unit", "warnings"}
	metrics := map[string]bool{}
	for _, x := range raw["results"].([]any) {
		one := x.(map[string]any)
		delete(one, "p999")
		if got := sortedKeys(one); !slices.Equal(got, fields) {
			t.Fatalf("a result has the fields %v", got)
		}
		if one["warnings"] == nil || one["labels"] == nil {
			t.Fatalf("null in %v", one)
		}
		metrics[one["metric"].(string)+" "+one["unit"].(string)] = true
	}
	for _, m := range []string{"latency ms", "stage_latency ms", "creation_rate 1/s", "bytes_per_instance bytes", "instances 1", "throughput 1/s", "error_rate 1"} {
		if !metrics[m] {
			t.Errorf("no %s among %v", m, sortedKeys(metrics))
		}
	}
	again, err := ReadSummary(r.dir)
	if err != nil || !reflect.DeepEqual(again.Results, r.summary.Results) {
		t.Errorf("summary.json reads as something else: %v", err)
	}
}

func TestTwoReportsOfOneRunAreTheSameBytes(t *testing.T) {
	dir := newSyntheticDeploy(t)
	read := func() map[string][]byte {
		if _, err := Report(dir, Options{}); err != nil {
			t.Fatal(err)
		}
		all := map[string][]byte{}
		files, _ := filepath.Glob(filepath.Join(dir, FiguresFolder, "*"))
		for _, f := range append(files, filepath.Join(dir, SummaryFile), filepath.Join(dir, ReportFile)) {
			b, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			all[f] = b
		}
		return all
	}
	first, second := read(), read()
	for _, f := range sortedKeys(first) {
		if !bytes.Equal(first[f], second[f]) {
			t.Errorf("%s differs", f)
		}
	}
}

func newSyntheticDeploy(t testing.TB) string {
	g := newSynthetic(t, 3, 1)
	for range 2 {
		g.deploy("process", "nodejs20.x", "hot", 0.2)
		g.deploy("process", "nodejs20.x", "cold", 5)
	}
	return g.dir
}

func TestWarmupsDoNotCount(t *testing.T) {
	s, _, err := summarise(newSyntheticDeploy(t), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if r := s.One(Query{Metric: MetricLatency, Path: "hot"}); r == nil || r.N != 200 {
		t.Errorf("%+v", r)
	}
}

func TestStraysAreLeftOutAndSaid(t *testing.T) {
	g := newSynthetic(t, 1, 1)
	g.trial("deploy", "process", "nodejs20.x", "worker", nil, func(put func(record.Invocation), _ func(record.Measurement)) {
		put(record.Invocation{Path: "hot", Latency: 1e6, Outcome: "ok"})
		put(record.Invocation{Path: "boot", Latency: 9e6, Outcome: "ok", Labels: map[string]string{record.LabelIntended: "hot"}})
	})
	s, _, err := summarise(g.dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	r := s.One(Query{Metric: MetricLatency})
	if r == nil || r.N != 1 || r.Path != "hot" || !slices.ContainsFunc(r.Warnings, func(w Warning) bool { return strings.Contains(string(w), "1 boot") }) {
		t.Errorf("%+v", r)
	}
	if len(s.Find(Query{Path: "boot"})) > 0 {
		t.Error("a stray has a series of its own")
	}
}

func TestAFailureBeforeAPathIsNoStray(t *testing.T) {
	g := newSynthetic(t, 1, 1)
	g.trial("overhead", "process", "nodejs20.x", "gateway", nil, func(put func(record.Invocation), _ func(record.Measurement)) {
		put(record.Invocation{Path: "hot", Latency: 1e6, Outcome: "ok"})
		put(record.Invocation{Latency: 1e6, Outcome: "refused", Labels: map[string]string{record.LabelIntended: "hot"}})
	})
	s, _, err := summarise(g.dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if all := s.Find(Query{Metric: MetricErrorRate}); len(all) != 1 || all[0].Path != "hot" || all[0].P50 != 0.5 || all[0].N != 2 {
		t.Errorf("%+v", all)
	}
}

func TestTablesShowWhatFailedAltogether(t *testing.T) {
	g := newSynthetic(t, 1, 1)
	for _, c := range []struct{ experiment, path, label string }{{"apps", "cold", record.LabelApp}, {"ao", "cold", record.LabelAO}, {"overhead", "hot", ""}} {
		g.trial(c.experiment, "process", "nodejs20.x", "sandbox", map[string]string{c.label: "made-up"}, func(put func(record.Invocation), _ func(record.Measurement)) {
			for range 7 {
				put(record.Invocation{Path: c.path, Latency: 1e6, Outcome: "crash"})
			}
		})
	}
	s, _, err := summarise(g.dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, table := range []*Table{appsTable(s), aoTable(s), overheadTable(s)} {
		shown := slices.ContainsFunc(table.Rows, func(r Row) bool { return !r.Paper && r.Cells[slices.Index(table.Columns, "errors")] == "7" })
		if !shown {
			t.Errorf("%s: no row with 7 errors in %v", table.Name, table.Rows)
		}
	}
}

func TestQuantitiesOfFewTrialsAreWarnedOf(t *testing.T) {
	g := newSynthetic(t, 1, 1)
	for range 3 {
		g.throughput("process", "nodejs20.x", 64)
	}
	s, _, err := summarise(g.dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	r := s.One(Query{Metric: record.MetricThroughput})
	if r == nil || !strings.Contains(kinds(r), WarnFewTrials) {
		t.Errorf("%+v", r)
	}
}

func TestALookThatTrialsDisagreeOnIsNeitherYesNorNo(t *testing.T) {
	for _, c := range []struct {
		r    Result
		want string
	}{
		{Result{N: 2, Unit: "bool", P50: 0.5, CILow: 0, CIHigh: 1}, "trials differ"},
		{Result{N: 2, Unit: "bool", P50: 1, CILow: 1, CIHigh: 1}, "yes"},
		{Result{N: 2, Unit: "bool"}, "no"},
		{Result{N: 2, Unit: "1", P50: 301, CILow: 300, CIHigh: 302}, "300 to 302, trials differ"},
	} {
		if got := surfaceCell(&c.r); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
}

func TestFailuresBeforeAPathCountForTheTrialsPath(t *testing.T) {
	g := newSynthetic(t, 1, 1)
	g.trial("deploy", "process", "nodejs20.x", "worker", nil, func(put func(record.Invocation), _ func(record.Measurement)) {
		for range 3 {
			put(record.Invocation{Path: "cold", Latency: 1e6, Outcome: "ok"})
		}
		put(record.Invocation{Latency: 9e6, Outcome: "refused"})
	})
	s, _, err := summarise(g.dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if all := s.Find(Query{Metric: MetricErrorRate}); len(all) != 1 || all[0].Path != "cold" || all[0].P50 != 0.25 || all[0].N != 4 {
		t.Errorf("%+v", all)
	}
}

func TestThroughputFollowsFromRecordsWhereItWasNotMeasured(t *testing.T) {
	g := newSynthetic(t, 1, 1)
	g.trial("throughput", "process", "nodejs20.x", "worker", map[string]string{"functions": "8"}, func(put func(record.Invocation), _ func(record.Measurement)) {
		for i := range 100 {
			r := record.Invocation{Scheduled: int64(i) * 1e7, Latency: 1e7, Outcome: "ok"}
			if i%10 == 5 {
				r.Outcome = "error"
			}
			put(r)
		}
	})
	s, _, err := summarise(g.dir, Options{})
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
		points []point
		want   float64
	}{
		{"steady", []point{{at: 0, latency: 100, ok: true}, {at: 1, latency: 100, ok: true}}, 1},
		{"failures are no replies", []point{{at: 0, latency: 0, ok: true}, {at: 1}, {at: 5, latency: 1000, ok: true}}, 6},
		{"nothing ever answered", []point{{at: 2}, {at: 9}}, 7},
		{"silent at the end", []point{{at: 0, latency: 0, ok: true}, {at: 8}}, 8},
	} {
		if got, ok := longestSilence(c.points); !ok || got != c.want {
			t.Errorf("%s: %g, want %g", c.name, got, c.want)
		}
	}
	if _, ok := longestSilence(nil); ok {
		t.Error("a silence of nothing")
	}
}

func TestReportLoadsNothingFromElsewhere(t *testing.T) {
	page, err := os.ReadFile(filepath.Join(report(t).dir, ReportFile))
	if err != nil {
		t.Fatal(err)
	}
	loads := regexp.MustCompile(`(?i)(?:\b(?:src|srcset|href|action|poster|data)\s*=\s*["']?|url\(|@import\s*["']?)([^"')\s>]{0,60})`)
	n := 0
	for _, m := range loads.FindAllSubmatch(page, -1) {
		if n++; !bytes.HasPrefix(m[1], []byte("data:")) && !bytes.HasPrefix(m[1], []byte("#")) {
			t.Errorf("loads %q", m[0])
		}
	}
	if n == 0 || bytes.Contains(page, []byte("<script")) {
		t.Errorf("%d references found; or there is a script", n)
	}
	for _, want := range []string{"SEUSS paper, 16 cores 88 GB", `name="viewport"`, "prefers-color-scheme", "@media print", "<svg", "suite: SYNTHETIC"} {
		if !bytes.Contains(page, []byte(want)) {
			t.Errorf("the report has no %q", want)
		}
	}
}
