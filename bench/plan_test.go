package bench_test

import (
	"math"
	"slices"
	"testing"
	"time"

	"github.com/lambdabench/lambdabench/bench"
	"github.com/lambdabench/lambdabench/bench/experiment"
	"github.com/lambdabench/lambdabench/runtime/isolation"
)

func fakeTargets(backends ...string) []bench.Target {
	var all []bench.Target
	for _, b := range backends {
		for _, in := range []isolation.Interpreter{{Runtime: "nodejs20.x", Language: isolation.NodeJS},
			{Runtime: "python3.11", Language: isolation.Python}} {
			all = append(all, bench.Target{Backend: b, Interpreter: in, Snapshots: b == "unikernel"})
		}
	}
	return all
}

func parse(t *testing.T, source string) *bench.Suite {
	t.Helper()
	su, err := bench.ParseSuite("suite.yaml", []byte(source), experiment.All)
	if err != nil {
		t.Fatal(err)
	}
	return su
}

func order(plan []bench.Trial) []string {
	var names []string
	for _, t := range plan {
		names = append(names, t.File())
	}
	return names
}

func TestTrialsOfBackendsAreInterleaved(t *testing.T) {
	su := parse(t, "suite: x\nseed: 5\nrepeats: 50\nexperiments: {density: {states: [served]}}")
	targets := fakeTargets("a", "b")
	plan := bench.NewPlan(su, targets).Trials
	if len(plan) != 50*len(targets) {
		t.Fatalf("%d trials", len(plan))
	}
	place := map[string]float64{}
	for i := 0; i < len(plan); i += len(targets) {
		block := map[bench.Target]bool{}
		for j, trial := range plan[i : i+len(targets)] {
			block[trial.Target] = true
			place[trial.Target.Backend] += float64(j)
			if trial.Repeat != i/len(targets)+1 {
				t.Fatalf("trial %d has repeat %d", i+j, trial.Repeat)
			}
		}
		if len(block) != len(targets) {
			t.Fatalf("block at %d holds %d of %d targets", i, len(block), len(targets))
		}
	}
	// The mean place in a block is 1.5 for both; its standard error over
	// 100 trials is about 0.1.
	for b, sum := range place {
		if mean := sum / 100; math.Abs(mean-1.5) > 0.4 {
			t.Errorf("backend %s has mean place %.2f of 0 to 3: the order favours one", b, mean)
		}
	}
}

func TestTheOrderIsTheSeedsAndNumbersAreNot(t *testing.T) {
	const rest = "repeats: 3\nexperiments: {deploy: , density: }"
	a := bench.NewPlan(parse(t, "suite: x\nseed: 1\n"+rest), fakeTargets("a", "unikernel")).Trials
	b := bench.NewPlan(parse(t, "suite: x\nseed: 1\n"+rest), fakeTargets("a", "unikernel")).Trials
	c := bench.NewPlan(parse(t, "suite: x\nseed: 2\n"+rest), fakeTargets("a", "unikernel")).Trials
	if !slices.Equal(order(a), order(b)) {
		t.Error("one seed, two orders")
	}
	if slices.Equal(order(a), order(c)) {
		t.Error("two seeds, one order")
	}
	x, y := order(a), order(c)
	slices.Sort(x)
	slices.Sort(y)
	if !slices.Equal(x, y) || len(slices.Compact(x)) != len(a) {
		t.Error("the files of trials depend on the order, or are not unique")
	}
}

func TestWarmIsPlannedForSnapshotsAlone(t *testing.T) {
	plan := bench.NewPlan(parse(t, "suite: x\nexperiments: {deploy: }"), fakeTargets("process", "unikernel")).Trials
	warm := 0
	for _, trial := range plan {
		if trial.Path != "warm" {
			continue
		}
		warm++
		if !trial.Target.Snapshots {
			t.Errorf("%v: a backend without snapshots has no warm path", trial)
		}
	}
	if warm != 2 { // one for each runtime
		t.Errorf("%d trials of the warm path, want 2", warm)
	}
}

func TestABudgetScalesTrialsButLeavesEachItsLeast(t *testing.T) {
	const suite = "suite: x\nbudget: 10s\nexperiments: {deploy: {budget: 100s}, burst: {periods: [1s], bursts: 1, " +
		"first: 1s}}"
	for _, trial := range bench.NewPlan(parse(t, suite), fakeTargets("a")).Trials {
		if trial.Limit < trial.Least {
			t.Errorf("%v: limit %v below its least, %v", trial, trial.Limit, trial.Least)
		}
		if trial.Experiment == "deploy" && trial.Limit > 2e9 {
			t.Errorf("%v: limit %v in a run of 10 s", trial, trial.Limit)
		}
	}
}

func TestABudgetBelowTheLeastTimeOfItsTrialsIsTold(t *testing.T) {
	const bursts = "burst: {periods: [1s], bursts: 1, first: 1s, budget: 100ms}"
	for _, c := range []struct {
		suite string
		want  []bench.Short
	}{
		{"suite: x\nexperiments: {deploy: {budget: 100s}}", nil},
		{"suite: x\nrepeats: 3\nexperiments: {" + bursts + "}",
			[]bench.Short{{"burst", 6, 100 * time.Millisecond, 12 * time.Second}}},
		{"suite: x\nbudget: 1s\nexperiments: {" + bursts + "}",
			[]bench.Short{{"burst", 2, 100 * time.Millisecond, 4 * time.Second},
				{"", 2, time.Second, 4 * time.Second}}},
	} {
		if got := bench.NewPlan(parse(t, c.suite), fakeTargets("a")).Short; !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", c.suite, got, c.want)
		}
	}
}
