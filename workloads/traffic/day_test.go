package traffic_test

import (
	"strings"
	"testing"
	"time"

	"github.com/lambdabench/lambdabench/workloads/traffic"
)

// A day of four minutes, three functions and two apps.
const (
	invocations = `# synthetic: by hand
HashOwner,HashApp,HashFunction,Trigger,1,2,3,4
o1,a1,f1,http,2,0,1,0
o1,a1,f2,timer,1,1,1,1
o2,a2,f3,queue,0,0,0,500
`
	durations = `HashOwner,HashApp,HashFunction,Average,Count,Minimum,Maximum,percentile_Average_0,` +
		`percentile_Average_1,percentile_Average_25,percentile_Average_50,percentile_Average_75,` +
		`percentile_Average_99,percentile_Average_100
o1,a1,f1,100,3,20,1000,30,40,50,60,70,800,900
o1,a1,f2,10,4,10,10,10,10,10,10,10,10,10
o2,a2,f3,2.5,500,0,4,1,1,2,2,3,4,4
o3,a3,f4,1,1,1,1,1,1,1,1,1,1,1
`
	memory = `HashOwner,HashApp,SampleCount,AverageAllocatedMb,AverageAllocatedMb_pct1,AverageAllocatedMb_pct5,` +
		`AverageAllocatedMb_pct25,AverageAllocatedMb_pct50,AverageAllocatedMb_pct75,AverageAllocatedMb_pct95,` +
		`AverageAllocatedMb_pct99,AverageAllocatedMb_pct100
o1,a1,12,150,100,110,120,150,160,170,180,200
`
)

// readDay reads three files; an empty third is none.
func readDay(calls, durations, memory string, w traffic.Window) (*traffic.Trace, error) {
	files := traffic.DayFiles{
		Invocations: traffic.File{Name: "calls.csv", Reader: strings.NewReader(calls)},
		Durations:   traffic.File{Name: "durations.csv", Reader: strings.NewReader(durations)},
	}
	if memory != "" {
		files.Memory = traffic.File{Name: "memory.csv", Reader: strings.NewReader(memory)}
	}
	return traffic.ReadDay(files, w)
}

func TestADayIsJoinedFromItsThreeFiles(t *testing.T) {
	trace, err := readDay(invocations, durations, memory, traffic.Window{})
	if err != nil {
		t.Fatal(err)
	}
	if len(trace.Functions) != 3 || trace.Asked() != 507 || trace.Length != 4*time.Minute ||
		trace.Header != "synthetic: by hand" || len(trace.Notes) != 0 {
		t.Fatalf("%d functions, %d calls, %v, header %q, notes %q", len(trace.Functions), trace.Asked(), trace.Length,
			trace.Header, trace.Notes)
	}
	f := trace.Functions[0]
	if f.Trigger != "http" || f.Calls != 3 || f.Mean != 100*ms || f.Duration.At(0) != 0.020 || f.Duration.At(1) != 1 ||
		f.Duration.At(0.5) != 0.060 || f.Memory.At(0.5) != 150 || f.MeanMemory != 150 {
		t.Errorf("function 1 is %+v", f)
	}
	// A minimum of 0 was not recorded. The app of the third function has no memory.
	if g := trace.Functions[2]; g.Duration.At(0) != 0.001 || g.Memory.At(0.5) != 0 {
		t.Errorf("function 3 is %+v", g)
	}
	if v := f.Duration.At(0.995); v <= 0.8 || v >= 1 {
		t.Errorf("between the 99th percentile and the maximum is %g", v)
	}
}

func TestAWindowReadsItsMinutesAlone(t *testing.T) {
	trace, err := readDay(invocations, durations, "", traffic.Window{From: 2 * time.Minute, For: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	if trace.Asked() != 2 || trace.Length != time.Minute || len(trace.Functions) != 2 {
		t.Errorf("%d calls of %d functions in %v", trace.Asked(), len(trace.Functions), trace.Length)
	}
	for _, w := range []traffic.Window{{From: time.Second}, {From: time.Hour}, {For: 5 * time.Minute}, {From: -60e9}} {
		_, err := readDay(invocations, durations, "", w)
		if err == nil || !strings.Contains(err.Error(), "calls.csv: from") {
			t.Errorf("window %+v: error %v", w, err)
		}
	}
}

func TestWhatATraceDoesNotSayIsLeftOutWithANote(t *testing.T) {
	calls := invocations + "o2,a2,f3,queue,9,9,9,9\no3,a3,f4,http,7,0,0,0\n"
	took := strings.Replace(durations, "o3,a3,f4,1,", "o3,a3,f4,-46,", 1) + "o1,a1,f1,1,1,1,1,1,1,1,1,1,1,1\n"
	mem := memory + "o2,a2,1,5,9,8,7,6,5,4,3,2\n"
	trace, err := readDay(calls, took, mem, traffic.Window{})
	if err != nil {
		t.Fatal(err)
	}
	notes := strings.Join(trace.Notes, "\n")
	for _, want := range []string{
		"calls.csv: 1 rows repeat a function and are left out (the first is line 6)",
		"durations.csv: 1 rows have no plausible durations and are left out (the first is line 5)",
		"durations.csv: 1 rows repeat a function", "memory.csv: 1 rows have no plausible memory",
		"1 functions with 7 calls are left out: durations.csv has no durations of them",
	} {
		if !strings.Contains(notes, want) {
			t.Errorf("no note %q in\n%s", want, notes)
		}
	}
	if trace.Asked() != 507 || trace.Functions[0].Mean != 100*ms {
		t.Errorf("%d calls, the first function takes %v", trace.Asked(), trace.Functions[0].Mean)
	}
}

func TestAFaultInADayIsNamedByFileAndLine(t *testing.T) {
	for _, c := range []struct{ calls, took, mem, want string }{
		{"", durations, memory, "calls.csv, line 1: no header; want the columns HashOwner"},
		{"HashOwner,HashApp\n", durations, memory, `calls.csv, line 1: no column "HashFunction"`},
		{strings.Replace(invocations, ",3,4", ",3,5", 1), durations, memory,
			`calls.csv, line 2: column "5" where minute 4`},
		{invocations + "o,a,f,http,1,2,x,4\n", durations, memory, `calls.csv, line 6: minute 3 has "x" calls`},
		{invocations + "o,a,f,http,1,2,-3,4\n", durations, memory, `calls.csv, line 6: minute 3 has "-3" calls`},
		{invocations + "o,a,f,http,1,2,3,1000001\n", durations, memory, "which is not a number up to 1000000"},
		{invocations + "o,a,f\n", durations, memory, "calls.csv, line 6: 3 fields, the header has 8"},
		{invocations + "o,a,\"f\n", durations, memory, "calls.csv, line 6: "},
		{invocations, durations + "o,a,f,1ms,1,1,1,1,1,1,1,1,1,1\n", memory,
			`durations.csv, line 6: Average "1ms" is not`},
		{invocations, durations + "o,a,f,1,1,1,1,1,1,1,1,1,1,1e300\n", memory,
			`line 6: percentile_Average_100 "1e300"`},
		{invocations, durations, memory + "o,a,1,x,1,1,1,1,1,1,1,1\n", `memory.csv, line 3: AverageAllocatedMb "x"`},
		{"HashOwner,HashApp,HashFunction,Trigger,1\n", durations, memory, "calls.csv: no function with calls"},
	} {
		_, err := readDay(c.calls, c.took, c.mem, traffic.Window{})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("error %v, want one with %q", err, c.want)
		}
	}
}

func FuzzReadDay(f *testing.F) {
	f.Add(invocations, durations, memory)
	f.Add(invocations+"o,a,\"f\n", durations, "")
	f.Add("# c\n#\nHashOwner,HashApp,HashFunction,Trigger,1\no,a,f,x,3\n",
		strings.ReplaceAll(durations, "o1,a1,f1,100", "o,a,f,NaN"), memory)
	f.Fuzz(func(t *testing.T, calls, took, mem string) {
		trace, err := readDay(calls, took, mem, traffic.Window{})
		if err != nil {
			if !strings.Contains(err.Error(), ".csv") {
				t.Fatalf("error %v names no file", err)
			}
			return
		}
		check(t, trace)
	})
}

// check plans what a fuzzer made a reader accept, and holds the plan against the trace.
func check(t *testing.T, trace *traffic.Trace) {
	t.Helper()
	if trace.Describe().Busiest > 1e5 {
		return // a minute is drawn as a whole, which takes time
	}
	plan, err := trace.Plan(traffic.Options{Calls: 1000})
	if err != nil {
		t.Fatal(err)
	}
	if asked := trace.Asked(); int64(len(plan.Calls)) != min(asked, 1000) || (plan.Cut == "") != (asked <= 1000) {
		t.Fatalf("%d of %d calls are planned; cut: %q", len(plan.Calls), asked, plan.Cut)
	}
	last := time.Duration(0)
	for _, c := range plan.Calls {
		if c.Due < last || c.Due >= trace.Length || c.Duration < 0 || !(c.Megabytes >= 0) ||
			int(c.Function) >= len(trace.Functions) {
			t.Fatalf("call %+v after %v, in a trace of %v and %d functions", c, last, trace.Length,
				len(trace.Functions))
		}
		last = c.Due
	}
}
