package bench

import (
	"fmt"

	"github.com/lambdabench/lambdabench/analysis/record"
	"github.com/lambdabench/lambdabench/workloads"
)

// Experiments lists every experiment, each with its default parameters. A new
// one is added here and nowhere else.
func Experiments() []Experiment {
	return []Experiment{
		newDeploy(), newThroughput(), newDensity(), newBurst(), newOverhead(), newAO(), newSurface(), newApps(), newMPSC(), newTrace(),
	}
}

// ByName returns an experiment with its default parameters.
func ByName(name string) (Experiment, bool) {
	for _, e := range Experiments() {
		if e.Name() == name {
			return e, true
		}
	}
	return nil, false
}

func names() []string {
	var all []string
	for _, e := range Experiments() {
		all = append(all, e.Name())
	}
	return all
}

// row is the record of a call that the load generator made.
func row(s workloads.Sample[Reply], function string, labels map[string]string) record.Invocation {
	st := s.Reply.Stages
	return record.Invocation{
		Function: function, Path: s.Reply.Path, Labels: labels,
		Scheduled: int64(s.Due), Started: int64(s.Started), Latency: int64(s.Latency()),
		Queue: int64(st.Queue), Boot: int64(st.Boot), Deploy: int64(st.Deploy), Import: int64(st.Import), Capture: int64(st.Capture), Run: int64(st.Run),
		Outcome: s.Reply.Outcome, Error: s.Reply.Error,
	}
}

// atLeast is the check that most parameters need.
func atLeast(key string, have, want int) error {
	if have < want {
		return &BadValue{key, fmt.Sprintf("is %d, want at least %d", have, want)}
	}
	return nil
}

func checkVia(via string, allowed ...string) error {
	for _, a := range allowed {
		if via == a {
			return nil
		}
	}
	return &BadValue{"via", fmt.Sprintf("is %q, want one of %v", via, allowed)}
}
