package bench

import (
	"context"
	"time"

	"github.com/lambdabench/lambdabench/analysis/record"
	"github.com/lambdabench/lambdabench/bench/host"
)

// CPUWindow measures the CPU time of the calls between its begin and its end:
//
//	window, err := env.CPUWindow(ctx) // after the warm-up
//	…                                 // n calls
//	err = window.End(ctx, sink, n, nil)
//
// [Env.CPUWindow] and End wait until the run is at rest, so that the window holds what its
// own calls leave to be done after them, and nothing that earlier calls left. Where clients
// stay busy instead, Start and Stop mark the ends of a [Env.BusyCPUWindow] without a wait: as
// many calls are under way at one end as at the other.
type CPUWindow struct {
	meter  host.CPUMeter
	source string
	used   time.Duration // minus the reading at the start
	err    error
}

// CPUWindow waits until the run is at rest, and begins a window.
func (e *Env) CPUWindow(ctx context.Context) (*CPUWindow, error) {
	w := e.BusyCPUWindow()
	if err := w.meter.Settled(ctx); err != nil {
		return nil, err
	}
	w.Start()
	return w, w.err
}

// BusyCPUWindow is a window that Start begins.
func (e *Env) BusyCPUWindow() *CPUWindow { return &CPUWindow{meter: host.CPUMeter{Group: e.Memory}} }

// Start begins the window.
func (w *CPUWindow) Start() { w.read(-1) }

// Stop ends the window.
func (w *CPUWindow) Stop() { w.read(1) }

func (w *CPUWindow) read(sign time.Duration) {
	t, source, err := w.meter.Read()
	w.used, w.source = w.used+sign*t, source
	if w.err == nil {
		w.err = err
	}
}

// End waits until the run is at rest, ends the window, and records the CPU time for each of
// so many calls.
func (w *CPUWindow) End(ctx context.Context, sink *Sink, calls int, labels map[string]string) error {
	if err := w.meter.Settled(ctx); err != nil {
		return err
	}
	w.Stop()
	return w.Record(sink, calls, labels)
}

// Record hands the sink the CPU time for each of so many calls.
func (w *CPUWindow) Record(sink *Sink, calls int, labels map[string]string) error {
	if w.err != nil || calls == 0 {
		return w.err
	}
	sink.Measurement(record.Measurement{Metric: record.MetricCPUTime, Unit: record.UnitMilliseconds, Labels: labels,
		Path: sink.trial.Path, Value: w.used.Seconds() * 1e3 / float64(calls), Source: w.source})
	return nil
}
