// Package metering says what invocations cost: AWS Lambda's START, END and
// REPORT lines for each, and Prometheus metrics for all.
package metering

import (
	"github.com/lambdabench/lambdabench/platform/dispatch"
	"github.com/lambdabench/lambdabench/platform/worker"
	"github.com/prometheus/client_golang/prometheus"
)

// Metrics collects what the platform does, for Prometheus. Register it with a
// registry:
//
//	m := metering.NewMetrics(backend.Name(), w.Stats, d.Stats)
//	registry.MustRegister(m)
//	m.Observe(req, res, err)
type Metrics struct{}

// NewMetrics returns the metrics of one worker and its dispatcher; dispatcher
// may be nil.
func NewMetrics(backend string, workers func() worker.Stats, dispatcher func() dispatch.Stats) *Metrics {
	return &Metrics{}
}

// Observe counts one finished invocation, or one that was refused with err.
func (m *Metrics) Observe(req worker.Request, res worker.Response, err error) {}

// Describe implements prometheus.Collector.
func (m *Metrics) Describe(ch chan<- *prometheus.Desc) { prometheus.DescribeByCollect(m, ch) }

// Collect implements prometheus.Collector.
func (m *Metrics) Collect(ch chan<- prometheus.Metric) {}
