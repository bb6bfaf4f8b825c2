package dispatch

import (
	"cmp"
	"errors"
	"fmt"
	"time"
)

// Config bounds what runs and what waits. The zero value works.
type Config struct {
	// Concurrency is how many invocations run at a time. Default: 1000, AWS
	// Lambda's quota for an account.
	Concurrency int `yaml:"concurrency"`

	// Queue is how many invocations of one function may wait. Default: 1000.
	// AWS Lambda queues no synchronous invocation; NoQueue is that.
	Queue   int  `yaml:"queue"`
	NoQueue bool `yaml:"no_queue"`

	// Wait bounds the time in the queue. Default: 5 minutes.
	Wait time.Duration `yaml:"wait"`

	// Runnable is how many tasks of the host may be ready to run for each
	// processor before invocations wait in the queue, whatever Concurrency allows.
	// At least that many invocations run. Default: 8. AnyLoad ignores the host's
	// load.
	Runnable int  `yaml:"runnable"`
	AnyLoad  bool `yaml:"any_load"`
}

// Validate reports every field whose value makes no sense.
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
	if c.Runnable < 0 {
		errs = append(errs, fmt.Errorf("runnable is %d: it cannot be negative", c.Runnable))
	}
	if c.Runnable > 0 && c.AnyLoad {
		errs = append(errs, errors.New("runnable and any_load exclude each other"))
	}
	return errors.Join(errs...)
}

func (c Config) resolved() Config {
	c.Concurrency = cmp.Or(c.Concurrency, 1000)
	if c.Queue == 0 && !c.NoQueue {
		c.Queue = 1000
	}
	c.Wait = cmp.Or(c.Wait, 5*time.Minute)
	c.Runnable = cmp.Or(c.Runnable, runnablePerProcessor)
	if c.AnyLoad {
		c.Runnable = c.Concurrency
	}
	return c
}
