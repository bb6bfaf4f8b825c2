package bench_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lambdabench/lambdabench/bench"
)

func TestAMistakeInThresholdsIsNamedWithItsLine(t *testing.T) {
	path := filepath.Join(t.TempDir(), "t.yaml")
	for text, want := range map[string]string{
		"":                         ":1:1: the file is empty; see configs/thresholds/example.yaml",
		"bounds: []\n":             `:1:1: unknown key "bounds"`,
		"thresholds: []\n":         "want a list",
		"thresholds:\n- metrik: x": `:2:3: unknown key "metrik"`,
		"thresholds:\n- metric: x\n  at_most: 1\n- at_most: 2\n":          ":4:3: metric: missing",
		"thresholds:\n- metric: x\n":                                      "at_most: missing",
		"thresholds:\n- metric: x\n  at_most: much\n":                     `:3:12: at_most: "much" is not a number`,
		"thresholds:\n- metric: x\n  at_most: 1\n  statistic: p42\n":      ":4:3: statistic: is \"p42\"",
		"thresholds:\n- metric: x\n  at_most: 1\n  n: -1\n":               ":4:3: n: is -1",
		"thresholds:\n- metric: x\n  at_most: 1\n  over: {backends: y}\n": `unknown key "backends" in over`,
		"thresholds:\n- metric: x\n  at_most: 1\n  over: {}\n":            "over: name what",
		"thresholds:\n- metric: x\n  at_most: 1\n  at_most: 2\n":          "occurs twice",
		"thresholds:\n- metric: x\n  at_most: 1\n---\nthresholds: []\n":   "a second YAML document",
	} {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		_, err := bench.ReadThresholds(path)
		if err == nil || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
}
