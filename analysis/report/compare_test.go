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

// compared is a SYNTHETIC run of five trials a series.
func compared(t *testing.T, seed uint64, scale float64) string {
	g := recordtest.New(t, seed, scale)
	for range 5 {
		g.Deploy("process", "nodejs20.x", "hot", 0.2)
		g.Density("process", "nodejs20.x", 20, 30)
	}
	return g.Dir
}

func TestCompareShowsADifferenceThatIsThereAndNoOther(t *testing.T) {
	old, same, slower := compared(t, 1, 1), compared(t, 2, 1), compared(t, 3, 2)
	for _, c := range []struct {
		name, dir string
		shown     bool
	}{{"the same thing measured again", same, false}, {"half as fast", slower, true}} {
		var b bytes.Buffer
		if err := Compare(old, c.dir, &b, 0); err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(b.String()) {
			f := strings.Fields(line)
			if len(f) < 8 || f[0] != "deploy" || !strings.Contains(line, " latency ") {
				continue
			}
			if got := !strings.Contains(line, "~"); got != c.shown || !strings.Contains(line, "5+5") ||
				!strings.Contains(line, "trials") {
				t.Errorf("%s: %s", c.name, line)
			}
		}
		if !strings.Contains(b.String(), "deploy") || strings.Contains(b.String(), "error_rate") {
			t.Errorf("%s:\n%s", c.name, &b)
		}
	}
}

func TestCompareWarnsOfOtherMachinesAndSuites(t *testing.T) {
	old, other := compared(t, 1, 1), compared(t, 2, 1)
	if err := os.WriteFile(filepath.Join(other, record.MachineFile), []byte(`{"cpu":"other","cores":64}`),
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
		"other suite"} {
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
