package traffic_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lambdabench/lambdabench/workloads/traffic"
)

const logFile = `app,func,end_timestamp,duration
a1,f1,105.5,0.5
a1,f2,101,1
a2,f1,130,25
a1,f1,165,1.5
`

func readLog(text string, w traffic.Window) (*traffic.Trace, error) {
	return traffic.ReadLog(traffic.File{Name: "log.csv", Reader: strings.NewReader(text)}, w)
}

func TestALogsCallsStartWhereTheyEndedLessTheirDuration(t *testing.T) {
	trace, err := readLog(logFile, traffic.Window{})
	if err != nil {
		t.Fatal(err)
	}
	plan, err := trace.Plan(traffic.Options{})
	if err != nil {
		t.Fatal(err)
	}
	want := []traffic.Call{
		{Due: 0, Duration: time.Second, Function: 0},
		{Due: 5 * time.Second, Duration: 500 * ms, Function: 1},
		{Due: 5 * time.Second, Duration: 25 * time.Second, Function: 2},
		{Due: 63500 * ms, Duration: 1500 * ms, Function: 1},
	}
	if !slices.Equal(plan.Calls, want) || plan.Cut != "" {
		t.Errorf("calls %+v, want %+v; cut: %q", plan.Calls, want, plan.Cut)
	}
	if f := trace.Functions[1]; f.App != "a1" || f.Name != "f1" || f.Calls != 2 || f.Mean != time.Second {
		t.Errorf("function 1 is %+v", f)
	}
	part, err := readLog(logFile, traffic.Window{From: 5 * time.Second, For: 30 * time.Second})
	if err != nil || part.Asked() != 2 || len(part.Functions) != 2 || part.Length != 30*time.Second {
		t.Errorf("the window has %+v, %v", part, err)
	}
}

func TestAFaultInALogIsNamedByFileAndLine(t *testing.T) {
	for text, want := range map[string]string{
		"":                                "log.csv, line 1: no header",
		"app,func,end_timestamp\n":        `log.csv, line 1: no column "duration"`,
		logFile + "a,f,x,1\n":             `log.csv, line 6: end_timestamp "x" is not a number`,
		logFile + "a,f,1\n":               "log.csv, line 6: 3 fields, the header has 4",
		logFile + "a,f,1,1e99\n":          `log.csv, line 6: duration "1e99"`,
		"app,func,end_timestamp,duration": "log.csv: no call",
	} {
		if _, err := readLog(text, traffic.Window{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one with %q", err, want)
		}
	}
	trace, err := readLog(logFile+"a,f,7,-1\na,f,1e10,1\n", traffic.Window{})
	if err != nil || len(trace.Notes) != 1 || !strings.Contains(trace.Notes[0], "2 rows have no plausible end") {
		t.Errorf("notes %q, %v", trace.Notes, err)
	}
}

func FuzzReadLog(f *testing.F) {
	f.Add(logFile)
	f.Add("# c\napp,func,end_timestamp,duration\na,f,nan,\n,,0,0\n")
	f.Fuzz(func(t *testing.T, text string) {
		trace, err := readLog(text, traffic.Window{})
		if err != nil {
			if !strings.Contains(err.Error(), "log.csv") {
				t.Fatalf("error %v names no file", err)
			}
			return
		}
		check(t, trace)
	})
}
