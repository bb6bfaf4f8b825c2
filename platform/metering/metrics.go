package metering

import (
	"errors"

	"github.com/lambdabench/lambdabench/platform/dispatch"
	"github.com/lambdabench/lambdabench/platform/worker"
	"github.com/prometheus/client_golang/prometheus"
)

// Metrics are the platform's metrics for Prometheus. It is a prometheus.Collector. Its
// labels are runtimes, paths, outcomes and states, and never functions, of which
// there may be 65,536.
type Metrics struct {
	worker     func() worker.Stats
	dispatcher func() dispatch.Stats
	damaged    func() int

	invocations *prometheus.CounterVec
	refusals    *prometheus.CounterVec
	latency     *prometheus.HistogramVec
	stages      *prometheus.HistogramVec
	billed      *prometheus.CounterVec

	sandboxes, waiting, bytes, entries, functions *prometheus.Desc
	evictions, discarded, captures, background    *prometheus.Desc
	helpersLost, helpersReplaced                  *prometheus.Desc
	running, reserved, throttled                  *prometheus.Desc
	damagedData                                   *prometheus.Desc
}

// buckets go from 20 µs, a hot unikernel, to 100 s in steps of about 2.
var buckets = []float64{
	20e-6, 50e-6, 100e-6, 200e-6, 500e-6, 1e-3, 2e-3, 5e-3, 10e-3, 20e-3, 50e-3,
	0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100,
}

// NewMetrics returns the metrics of one worker, its dispatcher and its data directory: damaged
// counts the copies of data that could not be read. The last two may be nil.
func NewMetrics(
	backend string, workers func() worker.Stats, dispatcher func() dispatch.Stats, damaged func() int,
) *Metrics {
	constant := prometheus.Labels{"backend": backend}
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc("lambdabench_"+name, help, labels, constant)
	}
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: "lambdabench_" + name, Help: help,
			ConstLabels: constant}, labels)
	}
	histogram := func(name, help string, labels ...string) *prometheus.HistogramVec {
		return prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "lambdabench_" + name, Help: help,
			ConstLabels: constant, Buckets: buckets}, labels)
	}
	return &Metrics{
		worker: workers, dispatcher: dispatcher, damaged: damaged,

		invocations: counter("invocations_total", "Finished invocations.", "runtime", "path", "outcome"),
		refusals:    counter("refusals_total", "Invocations that never reached a function.", "runtime", "reason"),
		latency: histogram("invocation_seconds", "Time from the dispatcher to the reply, all stages together.",
			"runtime", "path"),
		stages: histogram("stage_seconds", "Time in each stage that an invocation went through.", "runtime",
			"stage"),
		billed: counter("billed_seconds_total", "Billed duration.", "runtime"),

		sandboxes:  desc("sandboxes", "Sandboxes by state.", "state"),
		waiting:    desc("waiting", "Invocations that wait, for their turn or for a sandbox.", "for"),
		bytes:      desc("cache_bytes", "Memory of what is kept.", "cache"),
		entries:    desc("cache_entries", "Number of what is kept.", "cache"),
		functions:  desc("functions", "Functions that anything is kept of."),
		evictions:  desc("evictions_total", "What was given up, and why.", "cache", "reason"),
		discarded:  desc("sandboxes_discarded_total", "Sandboxes closed after a failure."),
		captures:   desc("captures_total", "Function snapshots.", "result"),
		background: desc("background_errors_total", "Failures outside of invocations."),
		helpersLost: desc("helpers_lost_total",
			"Processes of the backend that ended, or were ended for not answering, without its wish.", "kind"),
		helpersReplaced: desc("helpers_replaced_total", "Processes that the backend started in place of lost ones.",
			"kind"),
		running:   desc("running", "Invocations that the dispatcher let run."),
		reserved:  desc("reserved_concurrency", "Places kept for functions."),
		throttled: desc("throttled_total", "Invocations refused with 429."),
		damagedData: desc("damaged_data",
			"Copies of data that could not be read; the log has the remedy."),
	}
}

// Observe counts one finished invocation, or one that was refused with err.
func (m *Metrics) Observe(req worker.Request, res worker.Response, err error) {
	if err != nil {
		m.refusals.WithLabelValues(m.runtimeLabel(req, err), reason(err)).Inc()
		return
	}
	m.invocations.WithLabelValues(req.Runtime, string(res.Path), string(res.Outcome)).Inc()
	s := res.Stages
	all := s.Queue + s.Boot + s.Deploy + s.Import + s.Capture + s.Run
	m.latency.WithLabelValues(req.Runtime, string(res.Path)).Observe(all.Seconds())
	for _, stage := range []stage{{"queue", s.Queue}, {"boot", s.Boot}, {"deploy", s.Deploy}, {"import", s.Import},
		{"capture", s.Capture}, {"run", s.Run}} {
		if stage.took > 0 {
			m.stages.WithLabelValues(req.Runtime, stage.name).Observe(stage.took.Seconds())
		}
	}
	m.billed.WithLabelValues(req.Runtime).Add(res.Billed.Seconds())
}

// runtimeLabel is the label of a runtime. Runtimes that do not exist share one label,
// since clients could make up any number.
func (m *Metrics) runtimeLabel(req worker.Request, err error) string {
	if errors.Is(err, worker.ErrUnknownRuntime) {
		return "unknown"
	}
	return req.Runtime
}
