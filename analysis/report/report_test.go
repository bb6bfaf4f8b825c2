package report

import (
	"bytes"
	"encoding/json"
	"flag"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/lambdabench/lambdabench/analysis/record"
	"github.com/lambdabench/lambdabench/analysis/record/recordtest"
	"github.com/lambdabench/lambdabench/analysis/summary"
)

var update = flag.Bool("update", false, "write the golden files anew")

// reported is one SYNTHETIC run, reported once for all tests that only look at it.
type reported struct {
	dir     string
	summary *summary.Summary
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
		if err := os.CopyFS(once.dir, os.DirFS(recordtest.Whole(t, 1, 1))); err != nil {
			t.Fatal(err)
		}
		if once.summary, err = Write(once.dir, ""); err != nil {
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
				t.Fatalf("%s, line %d:\n got %q\nwant %q\n(go test ./analysis/report -update writes it anew)", path,
					i+1, a[i], append(b, "")[min(i, len(b))])
			}
		}
		t.Fatalf("%s has lines that are no longer there", path)
	}
}

func TestTablesAreGolden(t *testing.T) {
	for name, width := range map[string]int{"": 0, "-80": 80, "-120": 120, "-200": 200} {
		var b bytes.Buffer
		if err := Tables(&b, report(t).summary, width); err != nil {
			t.Fatal(err)
		}
		golden(t, "SYNTHETIC-tables"+name+".txt", b.Bytes())
	}
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
		if strings.HasPrefix(name, "burst") && name != "burst-container-runc-nodejs20.x.csv" ||
			strings.Contains(name, "python") {
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
	b, err := os.ReadFile(filepath.Join(r.dir, summary.File))
	if err != nil {
		t.Fatal(err)
	}
	var raw map[string]any
	if err := json.Unmarshal(b, &raw); err != nil {
		t.Fatal(err)
	}
	if got, want := slices.Sorted(maps.Keys(raw)),
		[]string{"machine", "results", "run", "schema"}; !slices.Equal(got, want) || raw["schema"] != 2.0 {
		t.Errorf("keys %v, schema %v", got, raw["schema"])
	}
	fields := []string{"backend", "ci_high", "ci_low", "experiment", "interval", "labels", "mean", "metric", "n", "p50",
		"p90", "p95", "p99", "path", "per_trial", "runtime", "sd", "trials", "unit", "warnings"}
	metrics := map[string]bool{}
	for _, x := range raw["results"].([]any) {
		one := x.(map[string]any)
		delete(one, "p999")
		if got := slices.Sorted(maps.Keys(one)); !slices.Equal(got, fields) {
			t.Fatalf("a result has the fields %v", got)
		}
		if one["warnings"] == nil || one["labels"] == nil {
			t.Fatalf("null in %v", one)
		}
		metrics[one["metric"].(string)+" "+one["unit"].(string)] = true
	}
	for _, m := range []string{"cpu_time ms", "distinct_functions 1", "latency ms", "stage_latency ms",
		"creation_rate 1/s", "bytes_per_instance bytes",
		"instances 1", "throughput 1/s", "error_rate 1"} {
		if !metrics[m] {
			t.Errorf("no %s among %v", m, slices.Sorted(maps.Keys(metrics)))
		}
	}
	var again summary.Summary
	if err := json.Unmarshal(b, &again); err != nil || !reflect.DeepEqual(again.Results, r.summary.Results) {
		t.Errorf("summary.json reads as something else: %v", err)
	}
}

func TestTwoReportsOfOneRunAreTheSameBytes(t *testing.T) {
	dir := recordtest.TwoPaths(t)
	read := func() map[string][]byte {
		if _, err := Write(dir, ""); err != nil {
			t.Fatal(err)
		}
		all := map[string][]byte{}
		files, _ := filepath.Glob(filepath.Join(dir, FiguresFolder, "*"))
		for _, f := range append(files, filepath.Join(dir, summary.File), filepath.Join(dir, File)) {
			b, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			all[f] = b
		}
		return all
	}
	first, second := read(), read()
	for _, f := range slices.Sorted(maps.Keys(first)) {
		if !bytes.Equal(first[f], second[f]) {
			t.Errorf("%s differs", f)
		}
	}
}

func TestTablesShowWhatFailedAltogether(t *testing.T) {
	g := recordtest.New(t, 1, 1)
	for _, c := range []struct{ experiment, path, label string }{{"apps", "cold", record.LabelApp},
		{"ao", "cold", record.LabelAO}, {"overhead", "hot", ""}} {
		g.Trial(c.experiment, "process", "nodejs20.x", "sandbox", map[string]string{c.label: "made-up"},
			func(put func(record.Invocation), _ func(record.Measurement)) {
				for range 7 {
					put(record.Invocation{Path: c.path, Latency: 1e6, Outcome: "crash"})
				}
			})
	}
	s, _, err := summary.Read(g.Dir, "")
	if err != nil {
		t.Fatal(err)
	}
	for _, table := range []*Table{appsTable(s), aoTable(s), overheadTable(s)} {
		shown := slices.ContainsFunc(table.Rows,
			func(r Row) bool {
				return !r.Paper && r.Cells[slices.Index(columnNames(table.Columns), "errors")] == "7"
			})
		if !shown {
			t.Errorf("%s: no row with 7 errors in %v", table.Name, table.Rows)
		}
	}
}

func TestALookThatTrialsDisagreeOnIsNeitherYesNorNo(t *testing.T) {
	for _, c := range []struct {
		r    summary.Result
		want string
	}{
		{summary.Result{N: 2, Unit: "bool", P50: 0.5, CILow: 0, CIHigh: 1}, "trials differ"},
		{summary.Result{N: 2, Unit: "bool", P50: 1, CILow: 1, CIHigh: 1}, "yes"},
		{summary.Result{N: 2, Unit: "bool"}, "no"},
		{summary.Result{N: 2, Unit: "1", P50: 301, CILow: 300, CIHigh: 302}, "300 to 302, trials differ"},
	} {
		if got := surfaceCell(&c.r); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
}

func TestReportLoadsNothingFromElsewhere(t *testing.T) {
	page, err := os.ReadFile(filepath.Join(report(t).dir, File))
	if err != nil {
		t.Fatal(err)
	}
	loads := regexp.MustCompile(`(?i)(?:\b(?:src|srcset|href|action|poster|data)\s*=\s*["']?|url\(|@import\s*["']?)` +
		`([^"')\s>]{0,60})`)
	n := 0
	for _, m := range loads.FindAllSubmatch(page, -1) {
		if n++; !bytes.HasPrefix(m[1], []byte("data:")) && !bytes.HasPrefix(m[1], []byte("#")) {
			t.Errorf("loads %q", m[0])
		}
	}
	if n == 0 {
		t.Error("no reference found")
	}
	for _, want := range []string{"SEUSS paper, 16 cores 88 GB", `name="viewport"`, "prefers-color-scheme",
		"@media print", "<svg", "suite: SYNTHETIC"} {
		if !bytes.Contains(page, []byte(want)) {
			t.Errorf("the report has no %q", want)
		}
	}
}
