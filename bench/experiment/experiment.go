// Package experiment holds the experiments that a suite can name: those of SEUSS, MPSC's
// and the applications of LambdaBench. [All] is their table.
//
// An experiment is one file with a type that implements [bench.Experiment]. Most of them
// run alike: take a population of functions from the environment, open a way to call
// them ([Caller]: a bare sandbox, a worker in this process, or a whole platform over
// HTTP), have package workloads pace the calls, and hand the sink one row per call. How
// the worker is configured (what it may keep) decides which path the calls take.
package experiment

import (
	"github.com/lambdabench/lambdabench/bench"
	"github.com/lambdabench/lambdabench/bench/surface"
)

// All is the table of experiments. A new experiment is added here and nowhere else.
func All() []bench.Experiment {
	return []bench.Experiment{
		newDeploy(), newThroughput(), newDensity(), newNetwork(), newBurst(), newOverhead(), newAO(), newTraining(),
		newScheduling(), surface.New(), newApps(), newMPSC(), newTrace(), newRate(),
	}
}
