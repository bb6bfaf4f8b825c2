package report

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lambdabench/lambdabench/analysis/record"
	"github.com/lambdabench/lambdabench/analysis/record/recordtest"
)

// Every odd run must give a report, tables, a paper and a comparison with
// itself, and neither an error nor a panic.
func TestOddRunsAreReported(t *testing.T) {
	for _, c := range []struct {
		name string
		fill func(g *recordtest.Run)
		want string // in the tables
	}{
		{"no records", func(*recordtest.Run) {}, "no records: "},
		{"one backend, one experiment", func(g *recordtest.Run) { g.Density("unikernel", "nodejs20.x", 1, 100) },
			"unikernel"},
		{"a backend nobody knows", func(g *recordtest.Run) {
			g.Deploy("moon/cheese", "cobol1.x", "hot", 1)
			g.Throughput("moon/cheese", "cobol1.x", 64)
			g.Burst("moon/cheese", "cobol1.x", 1e9)
		}, "moon/cheese"},
		{"all failed", func(g *recordtest.Run) {
			for _, e := range []string{"deploy", "throughput", "burst", "overhead", "ao", "apps", "mpsc", "density"} {
				g.Trial(e, "process", "nodejs20.x", "worker",
					map[string]string{"functions": "8", "period": "1s", "load": "burst", "ao": "none"},
					func(put func(record.Invocation), _ func(record.Measurement)) {
						put(record.Invocation{Latency: 5, Outcome: "crash", Error: "<b>made up</b>"})
					})
			}
		}, "errors: "},
		{"odd labels and values", func(g *recordtest.Run) {
			g.Trial("throughput", "", "", "", map[string]string{"functions": "many", "a/b": "|"},
				func(put func(record.Invocation), measure func(record.Measurement)) {
					put(record.Invocation{Scheduled: -5, Latency: -7, Outcome: "ok"})
					measure(record.Measurement{Metric: record.MetricThroughput, Unit: "1/s", Value: 0})
				})
			g.Trial("density", "process", "x", "", nil,
				func(_ func(record.Invocation), measure func(record.Measurement)) {
					measure(record.Measurement{Metric: record.MetricBytesPerInstance, Value: 0})
					measure(record.Measurement{Metric: record.MetricCreationRate, Value: -1})
				})
			g.Trial("burst", "process", "x", "", map[string]string{"period": "soon"},
				func(put func(record.Invocation), _ func(record.Measurement)) {
					put(record.Invocation{Outcome: "ok", Labels: map[string]string{"load": "burst", "burst": "first"}})
				})
			g.Trial("juggling", "process", "x", "", nil,
				func(put func(record.Invocation), _ func(record.Measurement)) { put(record.Invocation{Outcome: "ok"}) })
		}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := recordtest.New(t, 2, 1)
			c.fill(g)
			s, err := Write(g.Dir, "")
			if err != nil {
				t.Fatal(err)
			}
			var tables, comparison bytes.Buffer
			if err := Tables(&tables, s, 0); err != nil || !strings.Contains(tables.String(), c.want) {
				t.Errorf("%v, tables:\n%s", err, &tables)
			}
			if err := Compare(g.Dir, g.Dir, &comparison, 0); err != nil || comparison.Len() == 0 {
				t.Errorf("compare: %v, %s", err, &comparison)
			}
			if strings.Contains(tables.String()+comparison.String(), "NaN") {
				t.Error("NaN is printed")
			}
			if err := FillPaper(emptyPaper(t), s, g.Dir); err != nil {
				t.Error(err)
			}
			page, err := os.ReadFile(filepath.Join(g.Dir, File))
			if err != nil || bytes.Contains(page, []byte("<b>made up</b>")) {
				t.Errorf("report: %v, or it has a function's markup", err)
			}
		})
	}
}

func TestBrokenRunFoldersAreNamed(t *testing.T) {
	for _, c := range []struct {
		name, want string
		break_     func(dir string) error
	}{
		{"no folder", "no run folder", func(dir string) error { return os.RemoveAll(dir) }},
		{"truncated records", "0001-deploy", func(dir string) error {
			return os.Truncate(filepath.Join(dir, record.Folder, "0001-deploy"+record.Suffix), 400)
		}},
		{"machine.json", "machine.json", func(dir string) error {
			return os.WriteFile(filepath.Join(dir, record.MachineFile), []byte("{"), 0o644)
		}},
		{"suite.yaml", "suite.yaml", func(dir string) error {
			return os.WriteFile(filepath.Join(dir, record.SuiteFile), []byte("a: ["), 0o644)
		}},
		{"plan.json", "plan.json", func(dir string) error {
			return os.WriteFile(filepath.Join(dir, record.PlanFile), []byte("{"), 0o644)
		}},
	} {
		dir := recordtest.TwoPaths(t)
		if err := c.break_(dir); err != nil {
			t.Fatal(err)
		}
		if _, err := Write(dir, ""); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v does not name %s", c.name, err, c.want)
		}
	}
	if _, err := Write(recordtest.TwoPaths(t), "moon"); err == nil || !strings.Contains(err.Error(), `"moon"`) {
		t.Errorf("baseline that is not there: %v", err)
	}
}
