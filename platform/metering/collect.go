package metering

import (
	"context"
	"errors"
	"time"

	"github.com/lambdabench/lambdabench/platform/dispatch"
	"github.com/lambdabench/lambdabench/platform/worker"
	"github.com/prometheus/client_golang/prometheus"
)

type stage struct {
	name string
	took time.Duration
}

// reason is the label of an error that kept an invocation from its function.
func reason(err error) string {
	switch {
	case errors.Is(err, dispatch.ErrThrottled):
		return "throttled"
	case errors.Is(err, worker.ErrNoPlace):
		return "no_sandbox"
	case errors.Is(err, worker.ErrUnknownRuntime):
		return "unknown_runtime"
	case errors.Is(err, worker.ErrPayloadTooLarge):
		return "payload_too_large"
	case errors.Is(err, worker.ErrClosed), errors.Is(err, dispatch.ErrClosed):
		return "closed"
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return "client_gone"
	}
	return "backend"
}

// Describe implements prometheus.Collector.
func (m *Metrics) Describe(ch chan<- *prometheus.Desc) {
	for _, c := range m.collectors() {
		c.Describe(ch)
	}
	for _, d := range []*prometheus.Desc{
		m.sandboxes, m.waiting, m.bytes, m.entries, m.functions, m.evictions, m.discarded, m.captures, m.background,
		m.helpersLost, m.helpersReplaced,
	} {
		ch <- d
	}
	if m.dispatcher != nil {
		for _, d := range []*prometheus.Desc{m.running, m.reserved, m.throttled} {
			ch <- d
		}
	}
	if m.damaged != nil {
		ch <- m.damagedData
	}
}

// Collect implements prometheus.Collector.
func (m *Metrics) Collect(ch chan<- prometheus.Metric) {
	for _, c := range m.collectors() {
		c.Collect(ch)
	}
	m.collectWorker(ch)
	if m.dispatcher != nil {
		m.collectDispatcher(ch)
	}
	if m.damaged != nil {
		send(ch, m.damagedData, prometheus.GaugeValue, float64(m.damaged()), nil)
	}
}

func (m *Metrics) collectors() []prometheus.Collector {
	return []prometheus.Collector{m.invocations, m.refusals, m.latency, m.stages, m.billed}
}

func (m *Metrics) collectWorker(ch chan<- prometheus.Metric) {
	s := m.worker()
	gauge := func(d *prometheus.Desc, v int64, labels ...string) {
		send(ch, d, prometheus.GaugeValue, float64(v), labels)
	}
	count := func(d *prometheus.Desc, v uint64, labels ...string) {
		send(ch, d, prometheus.CounterValue, float64(v), labels)
	}
	gauge(m.sandboxes, int64(s.Starting), "starting")
	gauge(m.sandboxes, int64(s.Busy), "busy")
	gauge(m.sandboxes, int64(s.Idle), "idle")
	gauge(m.sandboxes, int64(s.StemCells), "stem_cell")
	gauge(m.sandboxes, int64(s.Closing), "closing")
	gauge(m.waiting, int64(s.Waiting), "sandbox")
	gauge(m.functions, int64(s.Functions))
	gauge(m.bytes, s.IdleBytes, "idle")
	gauge(m.bytes, s.SnapshotBytes, "function_snapshots")
	gauge(m.bytes, s.RuntimeBytes, "runtime_snapshots")
	gauge(m.entries, int64(s.Idle), "idle")
	gauge(m.entries, int64(s.FunctionSnapshots), "function_snapshots")
	gauge(m.entries, int64(s.RuntimeSnapshots), "runtime_snapshots")
	count(m.evictions, s.IdleEvictions, "idle", "room")
	count(m.evictions, s.IdleExpired, "idle", "keep_alive")
	count(m.evictions, s.SnapshotEvictions, "function_snapshots", "room")
	count(m.discarded, s.Discarded)
	count(m.captures, s.Captures, "taken")
	count(m.captures, s.CapturesSkipped, "skipped")
	count(m.background, s.BackgroundErrors)
	for _, h := range s.Helpers {
		count(m.helpersLost, h.Lost, h.Kind)
		count(m.helpersReplaced, h.Replaced, h.Kind)
	}
}

func (m *Metrics) collectDispatcher(ch chan<- prometheus.Metric) {
	s := m.dispatcher()
	send(ch, m.running, prometheus.GaugeValue, float64(s.Running), nil)
	send(ch, m.reserved, prometheus.GaugeValue, float64(s.Reserved), nil)
	send(ch, m.waiting, prometheus.GaugeValue, float64(s.Waiting), []string{"turn"})
	send(ch, m.throttled, prometheus.CounterValue, float64(s.Throttled), nil)
}

func send(ch chan<- prometheus.Metric, d *prometheus.Desc, t prometheus.ValueType, v float64, labels []string) {
	ch <- prometheus.MustNewConstMetric(d, t, v, labels...)
}
