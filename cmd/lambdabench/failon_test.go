package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lambdabench/lambdabench/analysis/record/recordtest"
)

const exampleThresholds = "../../configs/thresholds/example.yaml"

func TestARunThatFallsShortEndsWithCodeThree(t *testing.T) {
	run := func(cold float64) string {
		g := recordtest.New(t, 1, 1)
		for block := range 2 {
			g.Block = block + 1
			g.Deploy("process", "nodejs20.x", "hot", 0.2)
			g.Deploy("process", "nodejs20.x", "cold", 5)
			g.Deploy("unikernel", "nodejs20.x", "cold", cold)
		}
		return g.Dir
	}
	slow := run(4)
	for _, c := range []struct {
		name, dir, file string
		code            int
		says            string
	}{
		{"it keeps all", run(1), exampleThresholds, exitOK, ""},
		{"one is too slow", slow, exampleThresholds, exitShort,
			"\n  2. deploy unikernel nodejs20.x cold latency via=worker: p50 over"},
		{"a mistake in the file", slow, write(t, "thresholds: 3\n"), exitUsage, "want a list"},
		{"no file", slow, "/nonexistent.yaml", exitUsage, "/nonexistent.yaml"},
	} {
		code, stdout, stderr := command(t, "report", c.dir, "--fail-on", c.file)
		if code != c.code || !strings.Contains(stderr, c.says) {
			t.Errorf("%s: exit code %d, want %d with %q: %s", c.name, code, c.code, c.says, stderr)
		}
		if _, err := os.Stat(filepath.Join(c.dir, "report.html")); c.code == exitShort && (err != nil || stdout == "") {
			t.Errorf("%s: and there is no report: %v", c.name, err)
		}
	}
	if code, _, stderr := command(t, "run", write(t, short), "--fail-on", "/nonexistent.yaml"); code != exitUsage {
		t.Errorf("run: exit code %d, %s", code, stderr)
	}
}
