package main

import (
	"bytes"
	"encoding/csv"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/lambdabench/lambdabench/analysis/record"
	"github.com/lambdabench/lambdabench/analysis/record/recordtest"
)

func TestExportHasEveryRecordWithAllThatItSays(t *testing.T) {
	g := recordtest.New(t, 1, 1)
	g.Block = 4
	g.Trial("throughput", "process", "nodejs20.x", "worker", map[string]string{"functions": "64"},
		func(put func(record.Invocation), measure func(record.Measurement)) {
			put(record.Invocation{Path: "hot", Function: "nop", Latency: 1234567, Outcome: "error",
				Error: "two\nlines, \"quoted\"", Labels: map[string]string{"own": "x"}})
			measure(record.Measurement{Metric: record.MetricThroughput, Unit: record.UnitRate, Value: 1e-7})
		})
	code, stdout, stderr := command(t, "export", "--csv", g.Dir)
	if code != exitOK {
		t.Fatalf("exit code %d: %s", code, stderr)
	}
	rows, err := csv.NewReader(strings.NewReader(stdout)).ReadAll()
	if err != nil || len(rows) != 3 {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	for i, want := range []map[string]string{
		{"schema": "2", "kind": "invocation", "trial": "1", "block": "4", "latency_ns": "1234567", "function": "nop",
			"error": "two\nlines, \"quoted\"", "label_functions": "64", "label_own": "x", "value": ""},
		{"schema": "2", "kind": "measurement", "metric": "throughput", "value": "1e-07", "label_functions": "64",
			"label_own": "", "latency_ns": ""},
	} {
		for name, cell := range want {
			if c := slices.Index(rows[0], name); c < 0 || rows[i+1][c] != cell {
				t.Errorf("row %d, %s: want %q in %q", i+1, name, cell, rows[i+1])
			}
		}
	}
	if code, _, stderr := command(t, "export", "--csv", t.TempDir()); code != exitFailed ||
		!strings.Contains(stderr, "no records") {
		t.Errorf("of no run: exit code %d, %s", code, stderr)
	}
}

func measuringPage(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile("../../docs/measuring.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestThePageListsTheColumnsOfTheExport(t *testing.T) {
	page := measuringPage(t)
	for _, c := range record.Columns() {
		if row := "| `" + c.Name + "` | " + c.Meaning + " |\n"; !strings.Contains(page, row) {
			t.Errorf("docs/measuring.md has no %s", row)
		}
	}
}

// The commands of the page that name today.csv are run as they stand there.
func TestTheDocumentedLinesReadTheExport(t *testing.T) {
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "bin"), 0o755); err != nil {
		t.Fatal(err)
	}
	self, err := filepath.Abs(os.Args[0])
	if err != nil {
		t.Fatal(err)
	}
	for link, target := range map[string]string{"bin/lambdabench": self, "runs/today": recordtest.TwoPaths(t)} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, link)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(target, filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	ran := 0
	for line := range strings.Lines(measuringPage(t)) {
		if !strings.HasPrefix(line, "    ") || !strings.Contains(line, "today.csv") {
			continue
		}
		ran++
		tool := strings.Fields(line)[0]
		t.Run(tool+" "+string(rune('0'+ran)), func(t *testing.T) {
			if missing := lacks(tool, line); missing != "" {
				t.Skip("this host has no " + missing)
			}
			cmd := exec.Command("sh", "-c", line)
			cmd.Dir, cmd.Env = dir, append(os.Environ(), asCommand+"=1")
			var stderr bytes.Buffer
			cmd.Stderr = &stderr
			out, err := cmd.Output()
			if err != nil || tool != "bin/lambdabench" && !strings.Contains(string(out), "process") {
				t.Errorf("%s: %v\n%s%s", line, err, out, &stderr)
			}
		})
	}
	if ran < 4 {
		t.Errorf("the page has %d lines about today.csv", ran)
	}
}

// lacks names what a line of the page needs and the host does not have; "" for nothing.
func lacks(tool, line string) string {
	if tool == "bin/lambdabench" {
		return ""
	}
	if _, err := exec.LookPath(tool); err != nil {
		return tool
	}
	if strings.Contains(line, "pandas") && exec.Command(tool, "-c", "import pandas").Run() != nil {
		return "pandas for " + tool
	}
	return ""
}
