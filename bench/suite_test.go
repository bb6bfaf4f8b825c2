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

func TestEverySuiteInConfigsIsRead(t *testing.T) {
	for _, name := range []string{"smoke", "quick", "reference"} {
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
