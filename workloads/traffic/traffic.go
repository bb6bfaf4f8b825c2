// Package traffic says when which functions are called and what each call takes: by
// configuration ([Arrivals]), by a trace of a real platform, or by a synthetic one.
//
// The readers take the traces of Azure Functions of 2019 ([ReadDay]: calls a minute, durations
// and memory by percentiles) and 2021 ([ReadLog]: each call with its end and duration), and the
// SEUSS authors' files ([ReadTrial]). A [Trace] becomes a [Plan], which is an open loop for the
// load generator:
//
//	trace, err := traffic.Open("traces/day", traffic.Window{From: 10 * time.Hour, For: time.Hour})
//	plan, err := trace.Plan(traffic.Options{Seed: 1})
//	err = workloads.Run(ctx, target, sink, workloads.Load{Pacer: plan, Clients: 64, Pick: plan.Pick})
//
// [Synthetic] makes a day in the schema of 2019 from published statistics, and [Trace.Thin]
// samples a trace down: it leaves out functions and keeps the time.
//
// What is drawn is drawn by function: the calls of a function depend on the seed and on its
// own row, so they stay the same when other functions are left out.
package traffic

import (
	"fmt"
	"time"
)

// Trace is what a file says of a platform's traffic.
type Trace struct {
	Functions []Function
	Length    time.Duration // of the time that is covered
	Header    string        // the comment that the file begins with: 'synthetic …'; may be empty
	Notes     []string      // what the reader left out, and why

	calls []Call // every call, in order, of a trace that has them; else Function.minutes
}

// Function is one function of a trace.
type Function struct {
	Owner, App, Name string
	Trigger          string
	Calls            int64         // in the time that is covered
	Mean             time.Duration // of a call
	Duration         Quantiles     // of a call, in seconds
	Memory           Quantiles     // of the app, in MB; empty where the trace does not say
	MeanMemory       float64       // of the app, in MB; 0 where the trace does not say

	memorySamples int64    // of which MeanMemory is the mean
	minutes       []minute // in order; minutes without a call are left out
}

// minute is the calls in one minute of a day.
type minute struct {
	number uint16 // from the start of the trace
	calls  uint32
}

// id names a function by its app, as names are unique within an app alone.
func (f *Function) id() string { return f.Owner + "/" + f.App + "/" + f.Name }

// seconds are a float's seconds as a duration, for values that a reader has bounded.
func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

// Window is the part of a trace that is read: from From on, for For or to the end.
type Window struct{ From, For time.Duration }

// minutes are the first minute of the window and the one behind the last, of a day of n.
func (w Window) minutes(n int) (from, to int, err error) {
	if w.From < 0 || w.For < 0 || w.From%time.Minute != 0 || w.For%time.Minute != 0 {
		return 0, 0, fmt.Errorf("from %v for %v: the trace has calls by minute; give whole minutes", w.From, w.For)
	}
	from, to = int(w.From/time.Minute), n
	if w.For > 0 {
		to = from + int(w.For/time.Minute)
	}
	if from >= n || to > n {
		return 0, 0, fmt.Errorf("from %v for %v: the trace has %d minutes", w.From, w.For, n)
	}
	return from, to, nil
}
