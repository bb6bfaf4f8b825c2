package experiment

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/lambdabench/lambdabench/analysis/record"
	"github.com/lambdabench/lambdabench/bench"
	"github.com/lambdabench/lambdabench/bench/host"
	"github.com/lambdabench/lambdabench/runtime/isolation"
	"github.com/lambdabench/lambdabench/runtime/process"
)

// runProcess runs a suite on backend process, and hands on the records.
func runProcess(t *testing.T, suite string, row func(record.Invocation), figure func(record.Measurement)) {
	t.Helper()
	if len(isolation.Interpreters(t.Context())) == 0 {
		t.Skip("neither Node.js 18+ nor CPython 3.11+ is installed")
	}
	file, out := filepath.Join(t.TempDir(), "suite.yaml"), t.TempDir()
	if err := os.WriteFile(file, []byte(suite), 0o600); err != nil {
		t.Fatal(err)
	}
	su, err := bench.ReadSuite(file, All)
	if err != nil {
		t.Fatal(err)
	}
	r := bench.Runner{Open: func([]string) []isolation.Backend {
		return []isolation.Backend{process.New(process.Config{})}
	}}
	if err := r.Run(context.Background(), su, out); err != nil {
		t.Fatal(err)
	}
	files, err := record.Files(out)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if err := record.Read(f, row, figure); err != nil {
			t.Fatal(err)
		}
	}
}

func TestInstancesAnswerAfterTheyWerePausedOrSwappedAndSwappedOnesTakeLess(t *testing.T) {
	b := process.New(process.Config{})
	lack := b.CanReclaim()
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	if lack != nil {
		t.Skip(lack)
	}
	if err := host.CanSwap(); err != nil {
		t.Skip(err)
	}
	const count = 5
	each, answered := map[string]float64{}, map[string]int{}
	runProcess(t, `
suite: density
seed: 1
settle: {busy: 1, wait: 1s}
experiments:
  density: {budget: 10m, memory: 1GiB, count: 5, states: [served, paused, swapped]}
`, func(r record.Invocation) {
		if r.Path == record.PathHot && r.Outcome == record.OutcomeOK {
			answered[r.Runtime+" "+r.Labels[record.LabelState]]++
		}
	}, func(m record.Measurement) {
		if m.Metric == record.MetricBytesPerInstance {
			each[m.Runtime+" "+m.Labels[record.LabelState]] = m.Value
		}
	})
	for key, n := range answered {
		if n != count {
			t.Errorf("%s: %d of %d answered", key, n, count)
		}
	}
	for _, in := range isolation.Interpreters(t.Context()) {
		served, swapped := each[in.Runtime+" "+record.StateServed], each[in.Runtime+" "+record.StateSwapped]
		if served > 0 && swapped > served*4/5 {
			t.Errorf("%s: a swapped instance takes %.0f bytes, one that served %.0f", in.Runtime, swapped, served)
		}
	}
	if len(answered) < 3 {
		t.Errorf("states that answered: %v", answered)
	}
}
