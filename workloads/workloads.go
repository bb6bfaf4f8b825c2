// Package workloads is the load that the harness puts on a platform: when calls are
// due ([Pacer]), which functions are called ([Population], [Order]), and the load
// generator that makes the calls ([Run]).
//
// It knows no platform: the load generator drives a [Target], an interface of
// its own. It draws no statistics: every call becomes one [Sample] for a sink.
//
// A closed loop of 32 clients for ten seconds, over 1,024 functions in an
// order that was shuffled once:
//
//	order := workloads.Order(1024, 8192, seed)
//	err := workloads.Run(ctx, target, sink, workloads.Load{
//		Pacer:   workloads.Closed{For: 10 * time.Second},
//		Clients: 32,
//		Pick:    workloads.Cycle(order),
//	})
//
// An open loop differs in its pacer alone. Its latencies count from the moment
// at which a call was due, not from the moment at which it was sent, so a target that
// stalls cannot hide its stall ('co-ordinated omission').
package workloads

import (
	"context"
	"time"
)

// Arrival is one call that is due.
type Arrival struct {
	Load     string        // the load's name
	Number   int           // of this load's arrivals, from 0
	Function int           // index in the population
	Due      time.Duration // since the start of the run
}

// Target takes calls and reports each as an R. A call that fails is a reply
// like any other: what failure looks like is R's business. Call is used from
// many goroutines at once and should return soon after ctx is cancelled.
type Target[R any] interface {
	Call(ctx context.Context, a Arrival) R
}

// TargetFunc is a function as a Target.
type TargetFunc[R any] func(ctx context.Context, a Arrival) R

// Call calls f.
func (f TargetFunc[R]) Call(ctx context.Context, a Arrival) R { return f(ctx, a) }

// Sample is one call as the generator saw it.
type Sample[R any] struct {
	Arrival
	Started time.Duration // when it was sent, since the start of the run
	Ended   time.Duration // when its reply was there, since the start of the run
	Reply   R
}

// Latency is the time from the moment at which the call was due to its reply.
// In a closed loop a call is due when a client is free, so it is then the
// service time.
func (s Sample[R]) Latency() time.Duration { return s.Ended - s.Due }
