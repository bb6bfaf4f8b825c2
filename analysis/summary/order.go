package summary

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/lambdabench/lambdabench/analysis/record"
)

// ExperimentOrder is the order in which experiments are shown.
var ExperimentOrder = []string{
	record.ExperimentDeploy, record.ExperimentThroughput, record.ExperimentDensity, record.ExperimentNetwork,
	record.ExperimentBurst, record.ExperimentOverhead, record.ExperimentAO, record.ExperimentTraining,
	record.ExperimentSurface, record.ExperimentApps, record.ExperimentScheduling, record.ExperimentMPSC,
	record.ExperimentTrace, record.ExperimentRate,
}

// Stages of an invocation, in the order in which they happen.
var Stages = []string{"queue", "boot", "deploy", "import", "capture", "run"}

// Paths are listed from the cheapest.
var Paths = []string{record.PathHot, record.PathWarm, record.PathCold, record.PathBoot}

func experimentRank(name string) int { return rankIn(ExperimentOrder, name) }

// PathRank is a path's place in Paths, for sorting.
func PathRank(name string) int { return rankIn(Paths, name) }

// ComparePaths orders paths from the cheapest, and unknown ones by name.
func ComparePaths(a, b string) int { return compareBy(PathRank, a, b) }

func rankIn(order []string, name string) int {
	if i := slices.Index(order, name); i >= 0 {
		return i
	}
	return len(order)
}

func compareBy(rank func(string) int, a, b string) int {
	if rank != nil {
		if c := cmp.Compare(rank(a), rank(b)); c != 0 {
			return c
		}
	}
	return cmp.Compare(a, b)
}

// CompareValues orders the values of one label: numbers by size, durations by
// length, else names; steps of anticipatory optimisation with AONone first and
// the fewest steps before more.
func CompareValues(a, b string) int {
	if x, y, ok := both(a, b, func(s string) (float64, error) { return strconv.ParseFloat(s, 64) }); ok {
		return cmp.Compare(x, y)
	}
	if x, y, ok := both(a, b, time.ParseDuration); ok {
		return cmp.Compare(x, y)
	}
	return cmp.Or(cmp.Compare(steps(a), steps(b)), compareBy(func(s string) int { return rankIn(Stages, s) }, a, b))
}

func both[T any](a, b string, parse func(string) (T, error)) (x, y T, ok bool) {
	x, errA := parse(a)
	y, errB := parse(b)
	return x, y, errA == nil && errB == nil
}

// steps counts the steps of a label like "network+interpreter".
func steps(s string) int {
	if s == record.AONone {
		return -1
	}
	return strings.Count(s, record.AOSeparator)
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

func labelString(labels map[string]string) string {
	var b strings.Builder
	for _, k := range sortedKeys(labels) {
		b.WriteString(k + "=" + labels[k] + "\x01")
	}
	return b.String()
}
