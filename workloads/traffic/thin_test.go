package traffic_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/lambdabench/lambdabench/workloads/traffic"
)

func TestASampleLeavesOutFunctionsAndKeepsTheTime(t *testing.T) {
	whole, err := traffic.Synthetic{Functions: 2000, Minutes: 60, Seed: 1, Popular: 1e4}.Make()
	if err != nil {
		t.Fatal(err)
	}
	sample, distance, err := whole.Thin(200, 1)
	if err != nil {
		t.Fatal(err)
	}
	if len(sample.Functions) != 200 || sample.Length != whole.Length {
		t.Fatalf("%d functions in %v", len(sample.Functions), sample.Length)
	}
	calls := map[string]int64{}
	for _, f := range whole.Functions {
		calls[f.App+f.Name] = f.Calls
	}
	for _, f := range sample.Functions {
		if calls[f.App+f.Name] != f.Calls {
			t.Errorf("%s has %d calls, %d in the whole", f.Name, f.Calls, calls[f.App+f.Name])
		}
	}
	if share := float64(sample.Asked()) / float64(whole.Asked()); share < 0.08 || share > 0.12 {
		t.Errorf("a tenth of the functions makes %.3f of the calls", share)
	}
	if distance.Function <= 0 || distance.Function > 0.1 || distance.Call > 0.2 || distance.Time > 0.3 {
		t.Errorf("%v", distance)
	}
	if _, all, err := whole.Thin(2000, 1); err != nil || all != (traffic.Distance{}) {
		t.Errorf("all functions: %v, %v", all, err)
	}
	few, far, err := whole.Thin(5, 1)
	if err != nil || len(few.Functions) != 5 || far.Function <= distance.Function {
		t.Errorf("five functions: %v, nearer than 200: %v (%v)", far, distance, err)
	}
	for _, n := range []int{0, -1, 2001} {
		if _, _, err := whole.Thin(n, 1); err == nil {
			t.Errorf("a sample of %d functions", n)
		}
	}
}

func TestATraceThatIsWrittenIsReadAgain(t *testing.T) {
	quoted := strings.NewReplacer("f1", `"f,""1"`)
	day, err := readDay(quoted.Replace(invocations), quoted.Replace(durations), memory, traffic.Window{})
	if err != nil {
		t.Fatal(err)
	}
	log, err := readLog(logFile, traffic.Window{})
	if err != nil {
		t.Fatal(err)
	}
	for name, trace := range map[string]*traffic.Trace{"day": day, "log.csv": log} {
		path := filepath.Join(t.TempDir(), name)
		if err := trace.Write(path, "a sample\nof two lines"); err != nil {
			t.Fatal(err)
		}
		again, err := traffic.Open(path, traffic.Window{})
		if err != nil {
			t.Fatal(err)
		}
		if again.Header != "a sample of two lines" {
			t.Errorf("%s: header %q", name, again.Header)
		}
		got, want := planned(t, again, traffic.Options{}).Calls, planned(t, trace, traffic.Options{}).Calls
		if !slices.Equal(got, want) {
			t.Errorf("%s: calls %v, want %v", name, got, want)
		}
		if err := trace.Write(path, ""); err == nil || !strings.Contains(err.Error(), "exists") {
			t.Errorf("%s is written over: %v", name, err)
		}
		if _, err := traffic.Open(path, traffic.Window{}); err != nil {
			t.Errorf("%s is gone after a refused write: %v", name, err)
		}
	}
}

func TestATraceThatIsNotThereIsNamed(t *testing.T) {
	dir := t.TempDir()
	if _, err := traffic.Open(dir, traffic.Window{}); err == nil ||
		!strings.Contains(err.Error(), "invocations_per_function_md.anon.d01.csv") {
		t.Errorf("error %v", err)
	}
	if _, err := traffic.Open(filepath.Join(dir, "none"), traffic.Window{}); !os.IsNotExist(err) &&
		(err == nil || !strings.Contains(err.Error(), "none")) {
		t.Errorf("error %v", err)
	}
}
