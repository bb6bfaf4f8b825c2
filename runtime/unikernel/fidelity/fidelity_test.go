package fidelity

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

func TestSampleIsTheSameForTheSameSeed(t *testing.T) {
	units := strings.Split("abcdefghijklmnopqrstuvwxyz", "")
	a, b := Sample(units, 5, 13), Sample(units, 5, 13)
	if len(a) != 5 || !slices.Equal(a, b) || slices.Equal(a, Sample(units, 5, 14)) {
		t.Errorf("%v, %v, and of another seed %v", a, b, Sample(units, 5, 14))
	}
	if got := Sample(units, 0, 13); len(got) != len(units) {
		t.Errorf("%d units without a limit", len(got))
	}
}

func TestCompareCountsWhatPassesAsAProcessAndForksNothing(t *testing.T) {
	process := []Result{{Test: "a", Outcome: Pass}, {Test: "b", Outcome: Pass},
		{Test: "c", Outcome: Pass, Forked: true},
		{Test: "d", Outcome: Fail}, {Test: "e", Outcome: Pass}, {Test: "f", Outcome: Pass}}
	uc := []Result{{Test: "a", Outcome: Pass}, {Test: "b", Outcome: Hang}, {Test: "c", Outcome: Fail},
		{Test: "d", Outcome: Pass},
		{Test: "f", Outcome: Skip}}
	r := Compare(process, uc)
	if r.Compared != 4 || r.Passed != 1 || r.Forked != 1 || r.NotOnProcess != 1 || len(r.Lost) != 3 {
		t.Errorf("%+v", r)
	}
	if r.Lost[0].Outcome != Hang || r.Lost[1].Test != "e" || r.Lost[1].Outcome != Fail || r.Percent() != 25 {
		t.Errorf("%+v, %v %%", r.Lost, r.Percent())
	}
}

const sick = `import os, subprocess, time, unittest
class T(unittest.TestCase):
    def test_a_passes(self): print("noise", end="")
    def test_b_fails(self): self.fail("on purpose")
    def test_c_dies(self): os._exit(3)
    def test_d_hangs(self): time.sleep(1000)
    def test_e_forks(self): subprocess.run(["true"])
    def test_f_skips(self): self.skipTest("no")
    def test_g_sub(self):
        with self.subTest(): self.fail()
`

// A module whose tests fail, die, hang and fork: each is one result, and the tests behind it still run.
func TestEveryTestOfASickModuleIsOneResult(t *testing.T) {
	python, err := exec.LookPath("/usr/bin/python3")
	if err != nil {
		t.Skip("this host has no /usr/bin/python3")
	}
	dir := t.TempDir()
	for name, content := range map[string]string{"runner.py": string(runner), "test/__init__.py": "",
		"test/support/__init__.py": "",
		"test/test_sick.py":        sick} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	s := &Suite{Deadline: 10 * time.Second, lines: true, argv: func(unit string, first int) []string {
		return []string{python, filepath.Join(dir, "runner.py"), dir, unit, strconv.Itoa(first)}
	}}
	got, err := process{dir: t.TempDir()}.run(context.Background(), s, "test_sick")
	if err != nil {
		t.Fatal(err)
	}
	want := []Outcome{Pass, Fail, Fail, Hang, Pass, Skip, Fail}
	if len(got) != len(want) {
		t.Fatalf("%d results: %+v", len(got), got)
	}
	for i, r := range got {
		if r.Outcome != want[i] || r.Forked != strings.HasSuffix(r.Test, "test_e_forks") {
			t.Errorf("%+v, want %s", r, want[i])
		}
	}
}

func TestNodeTestsThatSpawnAreKnownByTheirSource(t *testing.T) {
	dir := t.TempDir()
	for name, content := range map[string]string{
		"common/index.js": "require('child_process')", "common/quiet.js": "",
		"common/loud.js": "const { spawn } = require('child_process')",
	} {
		os.MkdirAll(filepath.Join(dir, "common"), 0o755)
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for source, want := range map[string]bool{
		"require('../common'); require('fs')":                   false,
		"require('../common/quiet')":                            false,
		"require('../common/loud')":                             true,
		"import x from '../common/loud.js'":                     true,
		"const cp = require('node:child_process')":              true,
		"const cluster = require('cluster'); cluster.fork()":    true,
		"// Flags: --expose-gc\nnew Worker('x'); regex.exec(s)": false,
	} {
		path := filepath.Join(dir, "t.js")
		if err := os.WriteFile(path, []byte(source), 0o644); err != nil {
			t.Fatal(err)
		}
		if got := spawns(dir, path); got != want {
			t.Errorf("%q spawns: %v", source, got)
		}
	}
}
