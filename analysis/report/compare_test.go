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

// synthetic is a SYNTHETIC run of so many trials a series.
func synthetic(t *testing.T, seed uint64, scale float64, trials int) string {
	g := recordtest.New(t, seed, scale)
	for block := range trials {
		g.Block = block + 1
		g.Deploy("process", "nodejs20.x", "hot", 0.2)
		g.Density("process", "nodejs20.x", 20, 30)
	}
	return g.Dir
}

func TestCompareShowsADifferenceThatIsThereAndNoOther(t *testing.T) {
	old, few := synthetic(t, 1, 1, 6), synthetic(t, 1, 1, 5)
	for _, c := range []struct {
		name, old, new string
		want           string // in the line of the latency
	}{
		{"the same thing measured again", old, synthetic(t, 2, 1, 6), " ~ "},
		{"half as fast", old, synthetic(t, 3, 2, 6), " 2."},
		{"half as fast, five trials", few, synthetic(t, 3, 2, 6), " too few trials "},
	} {
		var b bytes.Buffer
		if err := Compare(c.old, c.new, &b, 0); err != nil {
			t.Fatal(err)
		}
		lines := 0
		for line := range strings.Lines(b.String()) {
			if strings.Contains(line, " latency ") && strings.Contains(line, " deploy ") {
				lines++
				if !strings.Contains(line, c.want) {
					t.Errorf("%s: %s", c.name, line)
				}
			}
		}
		if lines != 1 || strings.Contains(b.String(), "error_rate") {
			t.Errorf("%s:\n%s", c.name, &b)
		}
	}
}

func TestCompareWarnsOfOtherMachinesAndSuites(t *testing.T) {
	old, other := synthetic(t, 1, 1, 2), synthetic(t, 2, 1, 2)
	if err := os.WriteFile(filepath.Join(other, record.MachineFile), []byte(`{"cpu":"other","cores":64,"dirty":true}`),
		0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(other, record.SuiteFile), []byte("suite: other\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := Compare(old, other, &b, 0); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"other processor: SYNTHETIC, then other", "other number of cores: 2, then 64",
		"other suite", "warning: new run, dirty tree: "} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no warning %q in\n%s", want, &b)
		}
	}
}

func TestCompareOfRunsWithNothingInCommon(t *testing.T) {
	a, b := recordtest.New(t, 1, 1), recordtest.New(t, 2, 1)
	a.Deploy("process", "nodejs20.x", "hot", 1)
	b.Deploy("unikernel", "nodejs20.x", "hot", 1)
	var out bytes.Buffer
	if err := Compare(a.Dir, b.Dir, &out, 0); err != nil || !strings.Contains(out.String(), "no series in common") {
		t.Errorf("%v, %s", err, &out)
	}
}
