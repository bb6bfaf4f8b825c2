package experiment

import (
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/lambdabench/lambdabench/analysis/record"
	"github.com/lambdabench/lambdabench/bench"
	"github.com/lambdabench/lambdabench/runtime/driver"
	"github.com/lambdabench/lambdabench/runtime/isolation"
	"github.com/lambdabench/lambdabench/workloads"
	"github.com/lambdabench/lambdabench/workloads/apps"
	"github.com/lambdabench/lambdabench/workloads/handlertest"
)

// measuredSources are the sources of all functions that experiments time, in a language, by name.
func measuredSources(t *testing.T, lang isolation.Language) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, kind := range []workloads.Kind{workloads.NOP, workloads.Spin, workloads.Loop, workloads.Wait,
		workloads.Alloc} {
		pop, err := workloads.NewPopulation(t.TempDir(), string(lang), kind)
		if err != nil {
			t.Fatal(err)
		}
		all[pop.Name(1)] = string(pop.Source(1))
	}
	for _, app := range apps.All() {
		source, err := app.Source(string(lang))
		if err != nil {
			t.Fatal(err)
		}
		all[app.Name] = string(source)
	}
	return all
}

var notCode = regexp.MustCompile(`(?m)^\s*(//|#).*$|'use strict';|\s+`)

// code is a source without comments and white space, so that neither tells two functions
// apart.
func code(source string) string { return notCode.ReplaceAllString(source, "") }

// within reports whether a function is another one, whatever stands around it.
func within(source, other string) bool {
	bare := strings.NewReplacer(`"`, "", "'", "")
	return strings.Contains(bare.Replace(code(other)), bare.Replace(code(source)))
}

var languages = []isolation.Language{isolation.NodeJS, isolation.Python}

func trainingSources(t *testing.T, lang isolation.Language) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, name := range driver.TrainingFunctions() {
		source, err := driver.TrainingSource(lang, name)
		if err != nil {
			t.Fatal(err)
		}
		all[name] = source
	}
	return all
}

func TestNoMeasuredFunctionIsATrainingFunction(t *testing.T) {
	for _, lang := range languages {
		all := measuredSources(t, lang)
		for name, source := range trainingSources(t, lang) {
			for _, measured := range slices.Sorted(maps.Keys(all)) {
				if within(all[measured], source) || within(source, all[measured]) {
					t.Errorf("%s: training function %s is %s, which is measured", lang, name, measured)
				}
			}
		}
	}
}

// A driver that had a function of its own to train with would escape the comparison.
func TestDriversHaveNoTrainingFunctionOfTheirOwn(t *testing.T) {
	for _, lang := range languages {
		_, source, err := driver.Source(lang)
		if err != nil {
			t.Fatal(err)
		}
		for _, handler := range []string{"exports.handler", "def handler("} {
			if strings.Contains(string(source), handler) {
				t.Errorf("the driver of %s has a function: %s", lang, handler)
			}
		}
	}
}

// The comparison sees through comments, white space, quotes and what stands around.
func TestATrainingFunctionInOtherWordsIsFound(t *testing.T) {
	for lang, source := range map[isolation.Language]string{
		isolation.NodeJS: "// Renamed.\n'use strict';\n" +
			"exports.handler = async (event, context) => ({ event, id: context.awsRequestId });\n",
		isolation.Python: "# Renamed.\nimport os\ndef handler(event, context):\n" +
			"    return {'event': event, 'id': context.aws_request_id}\n",
	} {
		if !within(trainingSources(t, lang)["echo"], source) {
			t.Errorf("%s: training function echo is not found in another form", lang)
		}
	}
}

func TestTrainingFunctionsRunInBothLanguages(t *testing.T) {
	for _, lang := range languages {
		for _, name := range driver.TrainingFunctions() {
			if name == "echo" {
				continue // it needs a context, which handlertest has none of
			}
			t.Run(string(lang)+"/"+name, func(t *testing.T) {
				handlertest.Need(t, string(lang))
				dir := t.TempDir()
				if err := driver.WriteTraining(dir, lang, name); err != nil {
					t.Fatal(err)
				}
				if reply := handlertest.Call(t, string(lang), dir, `{}`); !json.Valid(reply) {
					t.Errorf("the reply is %s", reply)
				}
			})
		}
	}
}

func TestEachTrainingFunctionIsLeftOutForAMeasuredFunctionOfItsKind(t *testing.T) {
	x := newTraining()
	trials, _ := x.Trials(bench.Target{Backend: "unikernel", Snapshots: true})
	want := len(driver.TrainingFunctions()) * len(x.Paths) * 3
	if len(trials) != want {
		t.Errorf("%d trials, want %d", len(trials), want)
	}
	steps := isolation.Steps()
	for _, trial := range trials {
		kept, names := x.learns(trial, steps)
		like := trial.Labels[record.LabelLike]
		learns := slices.Contains(kept, isolation.StepInterpreter) && slices.Contains(kept, isolation.StepPrefetch)
		switch set := trial.Labels[record.LabelTraining]; {
		case trial.Labels[record.LabelApp] == "":
			t.Errorf("nothing measured is of the kind of %s", like)
		case set == record.TrainingNone && (learns || names != nil):
			t.Errorf("%v learns from %v by %v", trial.Labels, names, kept)
		case set == record.TrainingWithout && (!learns || len(names) == 0 || slices.Contains(names, like)):
			t.Errorf("%v learns from %v by %v", trial.Labels, names, kept)
		case set == record.TrainingWith && (!learns || !slices.Contains(names, like)):
			t.Errorf("%v learns from %v by %v", trial.Labels, names, kept)
		}
	}
}
