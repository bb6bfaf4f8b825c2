package bench_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lambdabench/lambdabench/bench"
	"github.com/lambdabench/lambdabench/bench/experiment"
)

var update = flag.Bool("update", false, "write golden files anew")

func TestMistakesInSuitesAreNamedWithPlaceAndRemedy(t *testing.T) {
	files, err := filepath.Glob("testdata/suites/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatal(err)
	}
	var names []string
	for _, e := range experiment.All() {
		names = append(names, e.Name())
	}
	var got strings.Builder
	for _, f := range files {
		_, err := bench.ReadSuite(f, experiment.All)
		if err == nil {
			t.Errorf("%s is accepted", f)
		}
		said := strings.ReplaceAll(fmt.Sprint(err), strings.Join(names, ", "), "EXPERIMENTS")
		fmt.Fprintln(&got, strings.TrimPrefix(said, "testdata/suites/"))
	}
	const golden = "testdata/suites.golden"
	if *update {
		if err := os.WriteFile(golden, []byte(got.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if got.String() != string(want) {
		t.Errorf("got:\n%s\nwant:\n%s", got.String(), want)
	}
}

func TestSuitesMayShareKeysByAnchorsAndMergeKeys(t *testing.T) {
	su := parse(t, `
suite: x
x-anything: {is: [ignored]}
x-short: &short {budget: 3s, repeats: 2}
x-few: &few {calls: 7, <<: *short}
x-itself: &itself {repeats: 9, <<: *itself}
backends: &both [process, unikernel]
experiments:
  x-no-experiment: 5
  deploy: {<<: *few, repeats: 4}
  ao: {<<: [*few, *itself]}
  overhead: *short
`)
	deploy, ao, overhead := su.Experiments[0], su.Experiments[1], su.Experiments[2]
	if deploy.Budget != 3*time.Second || deploy.Repeats != 4 {
		t.Errorf("deploy: budget %v, repeats %d; its own key goes before the merged one", deploy.Budget, deploy.Repeats)
	}
	if ao.Budget != 3*time.Second || ao.Repeats != 2 {
		t.Errorf("ao: budget %v, repeats %d; the first of a list goes before the second", ao.Budget, ao.Repeats)
	}
	if overhead.Repeats != 2 {
		t.Errorf("overhead: repeats %d of the mapping that its alias stands for", overhead.Repeats)
	}
}

func TestMergesOfMergesAreReadInLinearTime(t *testing.T) {
	text := "suite: x\nx-0: &a0 {calls: 5}\n"
	for i := range 60 { // 2 to the 60th merges, if each were followed
		text += fmt.Sprintf("x-%d: &a%d {<<: [*a%d, *a%d]}\n", i+1, i+1, i, i)
	}
	parse(t, text+"experiments: {deploy: *a60}")
}

func TestEverySuiteInConfigsIsRead(t *testing.T) {
	for _, name := range []string{"smoke", "quick", "reference", "paper", "idle", "training"} {
		su, err := bench.ReadSuite("../configs/"+name+".yaml", experiment.All)
		if err != nil {
			t.Error(err)
		} else if su.Name != name || su.About == "" {
			t.Errorf("%s.yaml: named %q, about %q", name, su.Name, su.About)
		}
	}
}

func TestTheQuickSuiteKeepsItsTimeOnFourBackends(t *testing.T) {
	su, err := bench.ReadSuite("../configs/quick.yaml", experiment.All)
	if err != nil {
		t.Fatal(err)
	}
	targets := fakeTargets("process", "container/runc", "container/crun", "unikernel")
	var sum time.Duration
	for _, trial := range bench.NewPlan(su, targets).Trials {
		sum += trial.Limit
	}
	if sum > time.Duration(su.Budget)+time.Second || sum < time.Duration(su.Budget)/2 {
		t.Errorf("the trials' limits add up to %v, the budget is %v", sum, time.Duration(su.Budget))
	}
}

func FuzzParseSuite(f *testing.F) {
	files, _ := filepath.Glob("testdata/suites/*.yaml")
	more, _ := filepath.Glob("../configs/*.yaml")
	for _, name := range append(files, more...) {
		if b, err := os.ReadFile(name); err == nil {
			f.Add(b)
		}
	}
	f.Fuzz(func(t *testing.T, source []byte) {
		su, err := bench.ParseSuite("f", source, experiment.All)
		if err == nil {
			bench.NewPlan(su, fakeTargets("a", "b"))
		} else if !strings.HasPrefix(err.Error(), "f:") {
			t.Errorf("error %v names no place", err)
		}
	})
}
