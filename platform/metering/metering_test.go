package metering_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/lambdabench/lambdabench/platform/dispatch"
	"github.com/lambdabench/lambdabench/platform/metering"
	"github.com/lambdabench/lambdabench/platform/worker"
	"github.com/lambdabench/lambdabench/runtime/isolation"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
)

func TestReportSaysWhatWentWrong(t *testing.T) {
	for _, test := range []struct {
		outcome isolation.Outcome
		typ     string
		want    string // the line's end
	}{
		{isolation.OK, "", "Max Memory Used: 1 MB\t\n"},
		{isolation.Failed, "TypeError", "Max Memory Used: 1 MB\t\n"},
		{isolation.TimedOut, isolation.TypeTimedOut, "Max Memory Used: 1 MB\tStatus: timeout\t\n"},
		{isolation.Crashed, isolation.TypeExit,
			"Max Memory Used: 1 MB\tStatus: error\tError Type: Runtime.ExitError\t\n"},
		{isolation.OutOfMemory, isolation.TypeOutOfMemory,
			"Max Memory Used: 128 MB\tStatus: error\tError Type: Runtime.OutOfMemory\t\n"},
	} {
		res := worker.Response{Path: worker.Hot, MemoryBytes: 1 << 20, Result: isolation.Result{Outcome: test.outcome}}
		if test.typ != "" {
			res.Error = &isolation.FunctionError{Type: test.typ}
		}
		if line := metering.NewReport(request(), res).String(); !strings.HasSuffix(line, test.want) {
			t.Errorf("%s: %q", test.outcome, line)
		}
	}
}

func TestLogHoldsTheTimeoutAsAWSWritesIt(t *testing.T) {
	res := worker.Response{Path: worker.Hot, Stages: worker.Stages{Run: 3 * time.Second}, Billed: 3 * time.Second,
		Result: isolation.Result{Outcome: isolation.TimedOut,
			Error: &isolation.FunctionError{Message: "RequestId: 1 Error: Task timed out after 3.00 seconds"}}}
	log := string(metering.Tail(request(), res, 4<<10))
	if !strings.Contains(log, "\nRequestId: 1 Error: Task timed out after 3.00 seconds\nEND ") ||
		!strings.Contains(log, "Billed Duration: 3000 ms") || strings.Contains(log, "Max Memory") {
		t.Errorf("%q", log)
	}
}

func TestMetricsCountByRuntimePathAndOutcome(t *testing.T) {
	m := metering.NewMetrics("process",
		func() worker.Stats {
			return worker.Stats{Idle: 2, Busy: 1, IdleBytes: 5 << 20, IdleEvictions: 7, FunctionSnapshots: 4}
		},
		func() dispatch.Stats { return dispatch.Stats{Running: 1, Waiting: 6, Throttled: 9} },
		func() int { return 2 })
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(m)
	res := response()
	res.Billed = time.Second // sums up to a whole number
	for i := range 1000 {
		req := request()
		req.Function.ARN = fmt.Sprint("arn:", i)
		m.Observe(req, res, nil)
	}
	made := request()
	for i := range 1000 {
		made.Runtime = fmt.Sprint("made-up-", i)
		m.Observe(made, worker.Response{}, fmt.Errorf("%w: %s", worker.ErrUnknownRuntime, made.Runtime))
	}
	m.Observe(request(), worker.Response{}, &dispatch.Throttled{})
	m.Observe(request(), worker.Response{}, fmt.Errorf("wait: %w", context.Canceled))
	const want = `
# HELP lambdabench_billed_seconds_total Billed duration.
# TYPE lambdabench_billed_seconds_total counter
lambdabench_billed_seconds_total{backend="process",runtime="nodejs20.x"} 1000
# HELP lambdabench_cache_bytes Memory of what is kept.
# TYPE lambdabench_cache_bytes gauge
lambdabench_cache_bytes{backend="process",cache="function_snapshots"} 0
lambdabench_cache_bytes{backend="process",cache="idle"} 5.24288e+06
lambdabench_cache_bytes{backend="process",cache="runtime_snapshots"} 0
# HELP lambdabench_damaged_data Copies of data that could not be read; the log has the remedy.
# TYPE lambdabench_damaged_data gauge
lambdabench_damaged_data{backend="process"} 2
# HELP lambdabench_evictions_total What was given up, and why.
# TYPE lambdabench_evictions_total counter
lambdabench_evictions_total{backend="process",cache="function_snapshots",reason="room"} 0
lambdabench_evictions_total{backend="process",cache="idle",reason="keep_alive"} 0
lambdabench_evictions_total{backend="process",cache="idle",reason="room"} 7
# HELP lambdabench_invocations_total Finished invocations.
# TYPE lambdabench_invocations_total counter
lambdabench_invocations_total{backend="process",outcome="ok",path="cold",runtime="nodejs20.x"} 1000
# HELP lambdabench_refusals_total Invocations that never reached a function.
# TYPE lambdabench_refusals_total counter
lambdabench_refusals_total{backend="process",reason="client_gone",runtime="nodejs20.x"} 1
lambdabench_refusals_total{backend="process",reason="throttled",runtime="nodejs20.x"} 1
lambdabench_refusals_total{backend="process",reason="unknown_runtime",runtime="unknown"} 1000
# HELP lambdabench_waiting Invocations that wait, for their turn or for a sandbox.
# TYPE lambdabench_waiting gauge
lambdabench_waiting{backend="process",for="sandbox"} 0
lambdabench_waiting{backend="process",for="turn"} 6
`
	err := testutil.GatherAndCompare(registry, strings.NewReader(want), "lambdabench_billed_seconds_total",
		"lambdabench_cache_bytes", "lambdabench_damaged_data",
		"lambdabench_evictions_total", "lambdabench_invocations_total", "lambdabench_refusals_total",
		"lambdabench_waiting")
	if err != nil {
		t.Error(err)
	}
	if problems, err := testutil.GatherAndLint(registry); err != nil || len(problems) > 0 {
		t.Errorf("%v, %v", problems, err)
	}
	if n := testutil.CollectAndCount(m); n > 60 {
		t.Errorf("%d time series", n)
	}
}

func BenchmarkObserve(b *testing.B) {
	m := metering.NewMetrics("process", func() worker.Stats { return worker.Stats{} }, nil, nil)
	req, res := request(), response()
	b.ReportAllocs()
	for b.Loop() {
		m.Observe(req, res, nil)
	}
}
