package experiment

import (
	"testing"

	"github.com/lambdabench/lambdabench/analysis/record"
	"github.com/lambdabench/lambdabench/bench"
)

func TestSandboxesAreMadeOneAtATimeAndThenSeveralOnEachNetwork(t *testing.T) {
	var alone, warmup, several int
	var rate float64
	runProcess(t, `
suite: network
seed: 1
settle: {busy: 1, wait: 1s}
experiments:
  network: {budget: 10s, calls: 3, warmup: 2}
`, func(r record.Invocation) {
		switch {
		case r.Labels[record.LabelNetwork] != "host" || r.Path != record.PathBoot || r.Outcome != record.OutcomeOK:
			t.Errorf("a row of process that cannot be: %+v", r)
		case r.Labels[record.LabelWarmup] != "":
			warmup++
		case r.Labels[record.LabelLoad] == record.LoadClosed:
			several++
		default:
			alone++
		}
	}, func(m record.Measurement) {
		if m.Metric == record.MetricCreationRate {
			rate = m.Value
		}
	})
	if alone == 0 || warmup < 2 || several == 0 || rate <= 0 {
		t.Errorf("%d alone, %d to warm up, %d of several, %.1f a second", alone, warmup, several, rate)
	}
}

func TestABackendWithoutNetworksIsLeftOutWithAReason(t *testing.T) {
	if trials, reason := newNetwork().Trials(bench.Target{Backend: "other"}); len(trials) > 0 || reason == "" {
		t.Errorf("%v, %q", trials, reason)
	}
	trials, reason := newNetwork().Trials(bench.Target{Backend: "other", Networks: "none host"})
	if len(trials) != 2 || reason != "" {
		t.Errorf("%v, %q", trials, reason)
	}
}
