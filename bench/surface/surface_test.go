package surface

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/lambdabench/lambdabench/analysis/record"
	"github.com/lambdabench/lambdabench/bench"
	"github.com/lambdabench/lambdabench/runtime/isolation"
	"github.com/lambdabench/lambdabench/runtime/process"
)

func TestSurfaceOfAProcessIsTheHostButForItsFiles(t *testing.T) {
	in, err := isolation.FindInterpreter(t.Context(), "python")
	if err != nil {
		t.Skip(err)
	}
	b := process.New(process.Config{})
	defer b.Close()
	path := filepath.Join(t.TempDir(), "trial"+record.Suffix)
	w, err := record.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for _, d := range []string{dir, filepath.Dir(dir)} { // functions run as another user
		if err := os.Chmod(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	env := &bench.Env{Dir: dir, Backend: b, Interpreter: in}
	sink := bench.NewSink(bench.Trial{Experiment: "surface", Number: 1,
		Target: bench.Target{Backend: b.Name(), Interpreter: in}, Via: record.ViaSandbox}, w)
	if err := New().RunTrial(t.Context(), env, bench.Trial{}, sink); err != nil {
		t.Fatal(err)
	}
	if err := w.Commit(); err != nil {
		t.Fatal(err)
	}
	seen := map[string]float64{}
	err = record.Read(path, func(record.Invocation) {}, func(m record.Measurement) {
		seen[m.Labels[record.LabelFeature]] = m.Value
	})
	if err != nil {
		t.Fatal(err)
	}
	own := map[string]float64{"mount namespace": 0, "kernel of its own": 0}
	if b.CanConfine() == nil {
		own["mount namespace"] = 1
	}
	for feature, want := range own {
		if got, ok := seen[feature]; !ok || got != want {
			t.Errorf("%s is %v (%v), want %v", feature, got, ok, want)
		}
	}
	if b.CanLimit(isolation.Limits{CPUs: 1}) == nil {
		if got, told := seen["CPU limit"]; told && got != 1 {
			t.Error("a function that may have a tenth of a processor got more")
		}
	}
	if n := seen["host system calls"]; n != 0 && n < 300 {
		t.Errorf("a process without a filter of its own reaches %v system calls", n)
	}
	if seen["entries in /"] < 5 {
		t.Errorf("a process sees %v entries in the host's root", seen["entries in /"])
	}
}
