package experiment

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lambdabench/lambdabench/analysis/record"
	"github.com/lambdabench/lambdabench/bench"
	"github.com/lambdabench/lambdabench/workloads"
	"github.com/lambdabench/lambdabench/workloads/traffic"
)

func TestATraceWithoutAUsableFileIsRefusedWithItsReason(t *testing.T) {
	bad := filepath.Join(t.TempDir(), "bad.csv")
	if err := os.WriteFile(bad, []byte("0,user,nop,3\n0,user\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for file, want := range map[string]string{"": "name a file", "/nowhere/x": "no such file", bad: "line 2"} {
		x := newTrace()
		x.File = file
		if err := x.Check(); err == nil || !strings.Contains(err.Error(), "file") ||
			!strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", file, err)
		}
	}
}

// Two functions wait: the delay is a wait's parameter, not a kind of work.
const eachKind = "0,alice,nop,2\n0,alice,spin,10,2\n0,bob,http_get,2\n1,bob,http_sleep,300,2\n1,alice,spin,4,1\n"

func TestATraceRunsTheWorkOfEveryLine(t *testing.T) {
	file := filepath.Join(t.TempDir(), "calls.csv")
	if err := os.WriteFile(file, []byte(eachKind), 0o644); err != nil {
		t.Fatal(err)
	}
	answered := map[string]map[string]int{} // by runtime and function
	runProcess(t, fmt.Sprintf(`
suite: trace
settle: {busy: 1, wait: 1s}
experiments:
  trace: {file: %q, clients: 2}
`, file), func(r record.Invocation) {
		if r.Outcome != record.OutcomeOK {
			t.Errorf("%s: %s %s", r.Function, r.Outcome, r.Error)
		}
		if r.Function == "bob/http_sleep" && r.Latency < int64(300*time.Millisecond) {
			t.Errorf("a function that waits 300 ms answered after %v", time.Duration(r.Latency))
		}
		if answered[r.Runtime] == nil {
			answered[r.Runtime] = map[string]int{}
		}
		answered[r.Runtime][r.Function]++
	}, func(record.Measurement) {})
	want := fmt.Sprint(map[string]int{"alice/nop": 2, "alice/spin": 3, "bob/http_get": 2, "bob/http_sleep": 2})
	for runtime, got := range answered {
		if fmt.Sprint(got) != want {
			t.Errorf("%s: calls %v, want %s", runtime, got, want)
		}
	}
	if len(answered) == 0 {
		t.Error("no call is recorded")
	}
}

func TestAFunctionOfATraceIsOfTheKindOfItsWorkAndHasItsEvent(t *testing.T) {
	calls, err := traffic.ReadTrial("calls.csv", strings.NewReader(eachKind))
	if err != nil {
		t.Fatal(err)
	}
	all, err := newMixed(calls, func(kind workloads.Kind, _ int) (*workloads.Population, error) {
		return workloads.NewPopulation(t.TempDir(), "python", kind)
	})
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{"nop-00000", "loop-00000", "wait-00000", "wait-00001"} {
		if got := all.Name(i); got != want {
			t.Errorf("function %d is %s, want %s", i, got, want)
		}
	}
	calls.Lines = calls.Lines[:2] // the others need a server
	events, err := eventsOf(t.Context(), nil, calls)
	if err != nil {
		t.Fatal(err)
	}
	for work, want := range map[traffic.Work]string{
		{Kind: workloads.NOP}: "{}", {Kind: workloads.Loop, Turns: 1024}: `{"turns":1024}`,
	} {
		if got := string(events[work]); got != want {
			t.Errorf("the event of %+v is %s, want %s", work, got, want)
		}
	}
}

func TestATraceThatWaitsIsLeftOutWhereFunctionsDoNotReachTheHost(t *testing.T) {
	for text, left := range map[string]bool{eachKind: true, "0,alice,nop,2\n": false} {
		x := newTrace()
		x.File = filepath.Join(t.TempDir(), "calls.csv")
		if err := os.WriteFile(x.File, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		trials, reason := x.Trials(bench.Target{Offline: "the cable is cut"})
		if (len(trials) == 0) != left || (reason != "") != left {
			t.Errorf("%q: %d trials, reason %q", text, len(trials), reason)
		}
	}
}
