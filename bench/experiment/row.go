package experiment

import (
	"slices"

	"github.com/lambdabench/lambdabench/analysis/record"
	"github.com/lambdabench/lambdabench/bench"
	"github.com/lambdabench/lambdabench/workloads"
)

// row is the record of a call of the load generator.
func row(s workloads.Sample[Reply], function string, labels map[string]string) record.Invocation {
	st := s.Reply.Stages
	return record.Invocation{
		Function: function, Path: s.Reply.Path, Labels: labels,
		Scheduled: int64(s.Due), Started: int64(s.Started), Latency: int64(s.Latency()),
		Queue: int64(st.Queue), Boot: int64(st.Boot), Deploy: int64(st.Deploy), Import: int64(st.Import),
		Capture: int64(st.Capture), Run: int64(st.Run),
		Outcome: s.Reply.Outcome, Error: s.Reply.Error,
	}
}

func checkVia(via string, allowed ...string) error {
	if slices.Contains(allowed, via) {
		return nil
	}
	return bench.Bad("via", "is %q, want one of %v", via, allowed)
}
