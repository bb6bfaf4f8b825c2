package bench_test

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lambdabench/lambdabench/analysis/record"
	"github.com/lambdabench/lambdabench/bench"
	"github.com/lambdabench/lambdabench/bench/experiment"
)

// The backends of the host on which the shipped suites keep their times.
var referenceBackends = []string{"process", "container/runc", "container/crun", "unikernel"}

// beside is about what a trial takes beside its limit on two cores: a platform is started
// and closed, and the harness waits for a quiet machine.
const beside = 1500 * time.Millisecond

func shipped(t *testing.T, name string) (*bench.Suite, bench.Plan) {
	t.Helper()
	su, err := bench.ReadSuite(filepath.Join("../configs", name+".yaml"), experiment.All)
	if err != nil {
		t.Fatal(err)
	}
	targets := slices.DeleteFunc(fakeTargets(referenceBackends...), func(t bench.Target) bool {
		return !su.Runtimes.All && !slices.Contains(su.Runtimes.List, string(t.Interpreter.Language))
	})
	for i, t := range targets {
		switch {
		case strings.HasPrefix(t.Backend, "container/"):
			targets[i].Networks = "none host bridge pooled"
		case t.Backend == "process":
			targets[i].Networks = "host"
		default:
			targets[i].Restless = "it hibernates instead"
		}
	}
	return su, bench.NewPlan(su, targets)
}

func TestTheShippedSuitesKeepTheirTime(t *testing.T) {
	for name, most := range map[string]time.Duration{
		"quick": 300 * time.Second, "reference": 75 * time.Minute, "paper": 12 * time.Hour,
	} {
		_, plan := shipped(t, name)
		var limits, least time.Duration
		of := map[string]time.Duration{}
		n := map[string]int{}
		for _, trial := range plan.Trials {
			limits, least = limits+trial.Limit, least+trial.Least
			of[trial.Experiment] += trial.Limit
			n[trial.Experiment]++
		}
		extra := time.Duration(len(plan.Trials)) * beside
		t.Logf("%s: %d trials, limits %v, least %v, beside %v; %v %v", name, len(plan.Trials), limits, least, extra, of,
			n)
		if least+extra > most {
			t.Errorf("%s: %d trials take %v at least and %v beside, more than %v", name, len(plan.Trials), least, extra,
				most)
		}
		if limits > most {
			t.Errorf("%s: the limits of the trials add up to %v, more than %v", name, limits, most)
		}
		for _, s := range plan.Short {
			t.Errorf("%s: a budget is too small: %+v", name, s)
		}
	}
}

// latencyRows are the experiments whose rows are a latency by path.
var latencyRows = []string{record.ExperimentDeploy, record.ExperimentAO, record.ExperimentApps,
	record.ExperimentOverhead}

// decides reports whether a verdict on one of the paper's claims rests on the trial, beside
// those of latency.
func decides(trial bench.Trial) bool {
	return trial.Experiment == record.ExperimentThroughput || trial.Experiment == record.ExperimentDensity &&
		slices.Contains([]string{record.StateBooted, record.StateServed}, trial.Labels[record.LabelState])
}

func TestEveryRowOfTheLongSuitesThatAVerdictRestsOnHasSixTrials(t *testing.T) {
	for _, name := range []string{"reference", "paper"} {
		su, plan := shipped(t, name)
		rows := map[string]int{}
		for _, trial := range plan.Trials {
			if slices.Contains(latencyRows, trial.Experiment) || decides(trial) {
				rows[strings.TrimSuffix(trial.File(), record.Suffix)[5:strings.LastIndex(trial.File(), "-r")]]++
			}
		}
		if len(rows) == 0 {
			t.Errorf("%s has no latency row", su.Name)
		}
		for row, trials := range rows {
			if trials < 6 {
				t.Errorf("%s: %s has %d trials, want 6", su.Name, row, trials)
			}
		}
	}
}

func TestTheReferenceHasEveryExperiment(t *testing.T) {
	su, _ := shipped(t, "reference")
	for _, e := range experiment.All() {
		if e.Name() == record.ExperimentTrace {
			continue // a file of calls is the user's own
		}
		if !slices.ContainsFunc(su.Experiments, func(sec bench.Section) bool { return sec.Name() == e.Name() }) {
			t.Errorf("configs/reference.yaml lacks experiment %s", e.Name())
		}
	}
}

func TestTheLongSuitesHaveBurstsAsThePapers(t *testing.T) {
	for name, periods := range map[string]int{"reference": 1, "paper": 3} {
		_, plan := shipped(t, name)
		found := map[string]bool{}
		for _, trial := range plan.Trials {
			if trial.Experiment == record.ExperimentBurst {
				found[trial.Labels[record.LabelPeriod]] = true
				period, err := time.ParseDuration(trial.Labels[record.LabelPeriod])
				if err != nil || trial.Least < 10*period {
					t.Errorf("%s: %v takes %v (%v), fewer than ten bursts", name, trial, trial.Least, err)
				}
			}
		}
		if len(found) < periods {
			t.Errorf("%s has bursts of the periods %v, want %d", name, found, periods)
		}
	}
}

func TestTheReferenceHasWhatEveryVerdictNeeds(t *testing.T) {
	su, plan := shipped(t, "reference")
	sizes, states, bursts := map[string]map[string]bool{}, map[string]map[string]bool{}, 0
	add := func(all map[string]map[string]bool, trial bench.Trial, label string) {
		if all[trial.Target.Backend] == nil {
			all[trial.Target.Backend] = map[string]bool{}
		}
		all[trial.Target.Backend][trial.Labels[label]] = true
	}
	for _, trial := range plan.Trials {
		switch trial.Experiment {
		case record.ExperimentThroughput:
			add(sizes, trial, record.LabelFunctions)
		case record.ExperimentDensity:
			add(states, trial, record.LabelState)
		case record.ExperimentBurst:
			bursts++
		}
	}
	for _, b := range referenceBackends {
		if len(sizes[b]) < 2 {
			t.Errorf("%s: %s has throughput at %d M, want 2 or more", su.Name, b, len(sizes[b]))
		}
		if !states[b][record.StateServed] {
			t.Errorf("%s: %s has no density of instances that have served", su.Name, b)
		}
	}
	if bursts == 0 {
		t.Errorf("%s has no bursts", su.Name)
	}
}
