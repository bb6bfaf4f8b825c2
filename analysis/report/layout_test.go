package report

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/olekukonko/tablewriter/pkg/twwidth"

	"github.com/lambdabench/lambdabench/analysis/record/recordtest"
	"github.com/lambdabench/lambdabench/analysis/summary"
)

// longNames is a SYNTHETIC run of backends and runtimes with names that no table expects.
func longNames(t *testing.T) *summary.Summary {
	g := recordtest.New(t, 1, 1)
	for _, backend := range []string{"process", "container/runsc-with-a-very-long-name-of-a-profile", "月/チーズ"} {
		g.Deploy(backend, "python3.14-experimental", "hot", 1)
		g.Density(backend, "python3.14-experimental", 12345, 0.001)
		g.Throughput(backend, "python3.14-experimental", 1<<20)
		g.Surface(backend, "python3.14-experimental")
	}
	s, _, err := summary.Read(g.Dir, "")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestNoLineIsWiderThanTheTerminal(t *testing.T) {
	for name, s := range map[string]*summary.Summary{"synthetic": report(t).summary, "reference": committed(t),
		"long names": longNames(t), "empty": {}} {
		for _, width := range []int{60, 72, 80, 96, 100, 120, 132, 160, 200, 240, 400} {
			var b bytes.Buffer
			if err := Tables(&b, s, width); err != nil {
				t.Fatal(err)
			}
			for line := range strings.Lines(b.String()) {
				if w := twwidth.Width(strings.TrimSuffix(line, "\n")); w > width {
					t.Errorf("%s at %d columns: %d: %q", name, width, w, line)
				}
			}
		}
	}
}

func TestATableTellsWhatItLeavesOut(t *testing.T) {
	tables, err := AllTables(report(t).summary)
	if err != nil {
		t.Fatal(err)
	}
	for _, table := range tables {
		for _, width := range []int{80, 120, 200, 0} {
			l := table.layout(width)
			shown := map[string]bool{}
			for _, part := range l.parts {
				for _, head := range part.head {
					shown[strings.ReplaceAll(head, "\n", " ")] = true
				}
			}
			whole := table.sheet()
			for i, head := range whole.head {
				marked := table.Columns[i].Name == warningsName && shown[marksName] && len(l.marks) > 0
				if left := slices.Contains(l.leftOut, head); shown[head] == left && !marked {
					t.Errorf("%s at %d: column %q shown %t, left out %t", table.Name, width, head, shown[head], left)
				}
				if c := table.Columns[i]; slices.Contains([]Importance{Key, Series}, c.Importance) && !shown[head] {
					t.Errorf("%s at %d: column %q is missing", table.Name, width, head)
				}
			}
			if width == 0 && (len(l.leftOut) > 0 || len(l.parts) > 1) {
				t.Errorf("%s: without a bound %v are left out", table.Name, l.leftOut)
			}
		}
	}
}

func TestColumnsLeaveByImportance(t *testing.T) {
	table := &Table{Columns: []Column{key("backend", ""), figures("extra", Extra, ""), figures("detail", Detail, ""),
		figures("useful", Useful, ""), figures("main", Main, ""), warningsColumn}}
	table.add("process", "1", "2", "3", "4", "noisy, few trials")
	for width, want := range map[int]string{60: "[]", 44: "[]", 40: "[extra]", 33: "[detail extra]",
		25: "[useful detail extra]"} {
		l := table.layout(width)
		slices.Sort(l.leftOut)
		wantSorted := strings.Fields(strings.Trim(want, "[]"))
		slices.Sort(wantSorted)
		if fmt.Sprint(l.leftOut) != fmt.Sprint(wantSorted) {
			t.Errorf("%d columns: %v are left out, want %s", width, l.leftOut, want)
		}
	}
	if l := table.layout(40); strings.Join(l.marks, "; ") != "a: noisy; b: few trials" {
		t.Errorf("marks %q", l.marks)
	}
}

func TestABriefHasTenLinesAtMost(t *testing.T) {
	for name, s := range map[string]*summary.Summary{"synthetic": report(t).summary, "reference": committed(t),
		"long names": longNames(t), "empty": {}} {
		for _, width := range []int{60, 80, 120, 0} {
			var b bytes.Buffer
			if err := briefOf(s).Text(&b, width); err != nil {
				t.Fatal(err)
			}
			n := strings.Count(b.String(), "\n")
			if n > 10 || !strings.Contains(b.String(), "\nfound ") || !strings.Contains(b.String(), "\nnot shown ") ||
				!strings.Contains(b.String(), "\ndistrust ") {
				t.Errorf("%s at %d: %d lines\n%s", name, width, n, &b)
			}
		}
	}
}
