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

func TestATrialOfTheFirstRepeatAloneIsPlannedOnce(t *testing.T) {
	const suite = "suite: x\nrepeats: 6\nexperiments: {density: {states: [served], once: [idle], rest: 3s, " +
		"budget: 28s}}"
	plan := bench.NewPlan(parse(t, suite), fakeTargets("a"))
	times := map[string]int{}
	var limits time.Duration
	for _, trial := range plan.Trials {
		state := trial.Labels["state"]
		times[state]++
		if limits += trial.Limit; state == "idle" && trial.Repeat != 1 {
			t.Errorf("%v is in repeat %d", trial, trial.Repeat)
		}
	}
	if times["served"] != 12 || times["idle"] != 2 { // two runtimes
		t.Errorf("trials by state: %v, want 12 served and 2 idle", times)
	}
	// Of 14 trials each has 2 s of the budget; an idle one needs 5.
	if want := 12*2*time.Second + 2*5*time.Second; limits != want {
		t.Errorf("limits add up to %v, want %v", limits, want)
	}
	if _, err := bench.ParseSuite("x", []byte("suite: x\nexperiments: {density: {states: [served], once: [served]}}"),
		experiment.All); err == nil {
		t.Error("a state in both lists gives the same trial twice, and is no error")
	}
}

func TestABackendWithoutSnapshotsHasItsOwnNumbersOfFunctions(t *testing.T) {
	const suite = "suite: x\nexperiments: {throughput: {functions: [4, 4096], booting: [4, 20], instances: 16}}"
	of := map[string][]string{}
	for _, trial := range bench.NewPlan(parse(t, suite), fakeTargets("process", "unikernel")[:3]).Trials {
		of[trial.Target.Backend] = append(of[trial.Target.Backend], trial.Labels["functions"])
		if trial.Labels["functions"] == "20" && trial.Least < 20*100*time.Millisecond {
			t.Errorf("%v has %v: 20 functions do not boot in that time", trial, trial.Least)
		}
	}
	for b, want := range map[string][]string{"process": {"20", "20", "4", "4"}, "unikernel": {"4", "4096"}} {
		if slices.Sort(of[b]); !slices.Equal(of[b], want) {
			t.Errorf("%s has %v functions, want %v", b, of[b], want)
		}
	}
}

func TestThroughputWithoutInstancesHasTheTimeOfTheDefaultNumber(t *testing.T) {
	least := func(instances string) time.Duration {
		su := parse(t, "suite: x\nexperiments: {throughput: {functions: [16]"+instances+"}}")
		return bench.NewPlan(su, fakeTargets("process")).Trials[0].Least
	}
	if got, want := least(""), least(", instances: 64"); got != want {
		t.Errorf("the least time is %v, with 64 instances, the default of one core, %v", got, want)
	}
}
