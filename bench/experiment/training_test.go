package experiment

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/lambdabench/lambdabench/runtime/driver"
	"github.com/lambdabench/lambdabench/runtime/isolation"
	"github.com/lambdabench/lambdabench/workloads"
	"github.com/lambdabench/lambdabench/workloads/apps"
)

// measuredSources are the sources of all functions that experiments time, in a language, by name.
func measuredSources(t *testing.T, lang isolation.Language) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, kind := range []workloads.Kind{workloads.NOP, workloads.Spin, workloads.Wait, workloads.Alloc} {
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

// within reports whether a driver's source has a function in its strings.
func within(source, driver string) bool {
	bare := strings.NewReplacer(`"`, "", "'", "", "+", "", `\n`, "")
	return strings.Contains(bare.Replace(code(driver)), bare.Replace(code(source)))
}

func TestNoMeasuredFunctionIsWhatTrainingLearnsFrom(t *testing.T) {
	for _, lang := range []isolation.Language{isolation.NodeJS, isolation.Python} {
		_, prefetch := driver.TrainingFunction(lang)
		_, steps, err := driver.Source(lang)
		if err != nil {
			t.Fatal(err)
		}
		all := measuredSources(t, lang)
		for _, name := range slices.Sorted(maps.Keys(all)) {
			if code(all[name]) == code(prefetch) {
				t.Errorf("%s: step prefetch trains on %s, which is measured", lang, name)
			}
			if within(all[name], string(steps)) {
				t.Errorf("%s: step interpreter trains on %s, which is measured", lang, name)
			}
		}
	}
}

// The comparison sees through comments, white space and quotes.
func TestATrainingFunctionInOtherWordsIsFound(t *testing.T) {
	for lang, source := range map[isolation.Language]string{
		isolation.NodeJS: "// Renamed.\n'use strict';\n" +
			"exports.handler = async (event, context) => ({ event, id: context.awsRequestId });\n",
		isolation.Python: "# Renamed.\ndef handler(event, context):\n" +
			"    return {\"event\": event, \"id\": context.aws_request_id}\n",
	} {
		_, steps, err := driver.Source(lang)
		if err != nil {
			t.Fatal(err)
		}
		if !within(source, string(steps)) {
			t.Errorf("%s: the function of step interpreter is not found in the driver", lang)
		}
	}
}
