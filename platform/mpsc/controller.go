package mpsc

import (
	"log/slog"
	"sync"
	"time"
)

// Controller ties configuration, metrics database and schedules to the
// executors. Its methods may be called from any number of goroutines.
type Controller struct {
	cfg       Config
	db        *Database
	sandbox   Sandbox
	log       *slog.Logger
	providers map[string]Provider
	executors map[string]Executor
	live      live
	calls     sync.WaitGroup // of Invoke
	bodyTime  time.Duration  // see body.Timed

	mu        sync.RWMutex // guards what follows; not held while a schedule runs or the database works
	schedules map[string]Schedule
	current   string

	saving sync.Mutex // one upload or choice at a time: what is saved last is what is used
}

// Options of a controller; the zero value works.
type Options struct {
	Sandbox   Sandbox             // without one there are no user schedules
	Executors map[string]Executor // by provider's name, instead of those that the type implies
	Getenv    func(string) string // for credentials; default os.Getenv
	Log       *slog.Logger
	Seed      uint64 // of the weighted schedule
}

// NewController returns a controller with the schedules that the database
// knows. A schedule that can no longer be used is reported and left out.
func NewController(cfg Config, db *Database, opts Options) (*Controller, error) {
	c := &Controller{
		cfg: cfg, db: db, sandbox: opts.Sandbox, log: opts.Log,
		providers: map[string]Provider{}, executors: map[string]Executor{},
		schedules: builtin(cfg, opts.Seed), current: cfg.Schedule,
	}
	if c.log == nil {
		c.log = slog.New(slog.DiscardHandler)
	}
	for _, p := range cfg.Providers {
		e := opts.Executors[p.Name]
		if e == nil {
			var err error
			if e, err = NewExecutor(p, opts.Getenv); err != nil {
				return nil, err
			}
		}
		c.providers[p.Name], c.executors[p.Name] = p, e
	}
	return c, c.restore()
}
