// Package openwhisk is the platform's second front door: Apache OpenWhisk's
// REST API over HTTP, so that the `openwhisk` client for JavaScript and the wsk
// command are its clients.
//
//	api, err := openwhisk.Open(openwhisk.Config{Dir: dir, Runtimes: names}, functions, invoker)
//	defer api.Close(ctx)
//	http.Handle("/api/v1/", api)
//
// It speaks namespaces, packages (with bindings and parameters), actions
// (inline code or a zip, Node.js and Python), blocking and non-blocking
// invocations, and activations. It has no triggers, rules, sequences, web
// actions and images. Errors are OpenWhisk's: {"error", "code"}.
//
// An action is a function of the store, which its namespace owns, under a new name
// with each update; its package is the user's code and an entry file that turns
// main(params) into a handler.
//
// # Activations
//
// A non-blocking invocation is on disk before it is acknowledged. Where the platform is
// killed before the invocation has run, the activation says so, and the invocation is
// not run again: OpenWhisk runs at most once. The record of a blocking invocation is
// written shortly after its reply. As in OpenWhisk, an activation is found once it has
// ended. Config bounds how many are kept; the oldest go first.
//
// Sources: OpenWhisk's apiv1swagger.json, docs/rest_api.md, docs/reference.md
// (limits) and its runtimes for Node.js and Python.
package openwhisk

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/lambdabench/lambdabench/platform/body"
	"github.com/lambdabench/lambdabench/platform/door"
	"github.com/lambdabench/lambdabench/platform/logs"
	"github.com/lambdabench/lambdabench/platform/store"
)

// GuestKey is the key of namespace guest that OpenWhisk's own documentation and
// every development deployment use. It is no secret.
const GuestKey = "23bc46b1-71f6-4ed5-8c54-816aa4f8c502:123zO3xZCLrMN6v2BKK1dXYFpXlPkccOFqm12CdAsMgRU4VrNZ9lyGVCGuMDGIwP"

// Settings are what a platform's configuration says.
type Settings struct {
	Namespaces map[string]string `yaml:"namespaces"` // name: "uuid:key"; default guest with GuestKey
	// InFlight is the most activations that were accepted and have not ended; default
	// 1000.
	InFlight        int   `yaml:"in_flight"`
	Activations     int   `yaml:"activations"`      // ended ones that are kept; default 10,000
	ActivationBytes int64 `yaml:"activation_bytes"` // and their size; default 256 MiB
}

// Config of the API; the zero value works, apart from Dir and Runtimes.
type Config struct {
	Settings
	Dir      string      // for the database
	Runtimes []string    // identifiers that the invoker has: "nodejs20.x"
	Logs     *logs.Store // of activations; default: one below Dir
	door.Hooks

	bodyTime time.Duration // see body.Timed
}

// API is an http.Handler. Its methods may be called from any number of
// goroutines.
type API struct {
	cfg     Config
	kinds   map[string]string // OpenWhisk's kinds to runtimes
	store   *store.Store
	invoker door.Invoker
	handler http.Handler
	db      *database
	ledger  *ledger
	own     *logs.Store // to be closed; nil: Config.Logs is the caller's

	changes sync.Mutex // one change of packages and actions at a time

	mu       sync.Mutex // guards what follows
	closed   bool
	inFlight int

	life   context.Context // of the invocations
	cancel context.CancelFunc
	calls  sync.WaitGroup // invocations under way
}

// Open reads what is stored. Functions that a killed predecessor left without an
// action go, and actions whose function is missing get it back. Close ends its
// goroutines.
func Open(cfg Config, st *store.Store, invoker door.Invoker) (*API, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	cfg = cfg.withDefaults()
	a := &API{cfg: cfg, kinds: kindsOf(cfg.Runtimes), store: st, invoker: invoker}
	if err := os.MkdirAll(cfg.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("open OpenWhisk API: %w", err)
	}
	var err error
	if a.db, err = openDatabase(cfg.Dir, cfg.Log); err != nil {
		return nil, fmt.Errorf("open OpenWhisk API: %w", err)
	}
	if err := a.reconcile(); err != nil {
		return nil, errors.Join(fmt.Errorf("open OpenWhisk API: %w", err), a.db.close())
	}
	lost := func(records int, err error) {
		cfg.Log.Error("activations are not recorded", "count", records, "error", err)
	}
	if a.cfg.Logs == nil {
		if a.own, err = logs.Open(logs.Config{Dir: filepath.Join(cfg.Dir, "logs"), Log: cfg.Log}); err != nil {
			return nil, errors.Join(fmt.Errorf("open OpenWhisk API: %w", err), a.db.close())
		}
		a.cfg.Logs = a.own
	}
	if a.ledger, err = openLedger(a.db, cfg.Activations, cfg.ActivationBytes, a.cfg.Logs.Flush, lost); err != nil {
		return nil, errors.Join(fmt.Errorf("open OpenWhisk API: %w", err), a.closeLogs(), a.db.close())
	}
	a.life, a.cancel = context.WithCancel(context.Background())
	a.handler = body.Timed(a.route(), cfg.bodyTime)
	return a, nil
}

// Validate reports settings that make no sense.
func (s Settings) Validate() error {
	if s.InFlight < 0 || s.Activations < 0 || s.ActivationBytes < 0 {
		return errors.New("openwhisk: in_flight, activations and activation_bytes cannot be negative")
	}
	for name, key := range s.Namespaces {
		if !entityName.MatchString(name) || name == "_" {
			return fmt.Errorf("openwhisk: namespace %q: use letters, digits, '_', '-', '@' and '.'", name)
		}
		if !authKey.MatchString(key) {
			return fmt.Errorf("openwhisk: the key of namespace %s is not of the form uuid:key", name)
		}
	}
	return nil
}

func (c Config) withDefaults() Config {
	if len(c.Namespaces) == 0 {
		c.Namespaces = map[string]string{"guest": GuestKey}
	}
	c.InFlight = cmp.Or(c.InFlight, 1000)
	c.Activations = cmp.Or(c.Activations, 10_000)
	c.ActivationBytes = cmp.Or(c.ActivationBytes, 256<<20)
	c.Hooks = c.Hooks.WithDefaults()
	return c
}

func (a *API) route() http.Handler {
	const ns = "/api/v1/namespaces"
	routes := door.NewRoutes(a.cfg.Log, refusal)
	handle := func(pattern string, h func(http.ResponseWriter, *http.Request, request) (any, error)) {
		routes.Handle(pattern, door.JSON(http.StatusOK, func(w http.ResponseWriter, r *http.Request) (any, error) {
			q, err := a.authorise(r)
			if err != nil {
				return nil, err
			}
			return h(w, r, q)
		}))
	}
	routes.Handle("GET /api/v1", door.JSON(http.StatusOK, a.describe))
	routes.Handle("GET /api/v1/{$}", door.JSON(http.StatusOK, a.describe))
	handle("GET "+ns, a.listNamespaces)
	handle("GET "+ns+"/{$}", a.listNamespaces)
	handle("GET "+ns+"/{ns}", a.getNamespace)
	handle("GET "+ns+"/{ns}/packages", a.listPackages)
	handle("GET "+ns+"/{ns}/packages/{package}", a.getPackage)
	handle("PUT "+ns+"/{ns}/packages/{package}", a.putPackage)
	handle("DELETE "+ns+"/{ns}/packages/{package}", a.deletePackage)
	handle("GET "+ns+"/{ns}/actions", a.listActions)
	for _, path := range []string{"/{ns}/actions/{name}", "/{ns}/actions/{package}/{name}"} {
		handle("GET "+ns+path, a.getAction)
		handle("PUT "+ns+path, a.putAction)
		handle("DELETE "+ns+path, a.deleteAction)
		routes.Handle("POST "+ns+path, a.invoke)
	}
	handle("GET "+ns+"/{ns}/actions/{package}/{$}", a.listActions)
	handle("GET "+ns+"/{ns}/activations", a.listActivations)
	handle("GET "+ns+"/{ns}/activations/{id}", a.getActivation)
	handle("GET "+ns+"/{ns}/activations/{id}/result", a.getResult)
	handle("GET "+ns+"/{ns}/activations/{id}/logs", a.getLogs)
	handle("/", func(http.ResponseWriter, *http.Request, request) (any, error) { return nil, errNotThere })
	return routes
}

// ServeHTTP implements http.Handler.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) { a.handler.ServeHTTP(w, r) }

// Health is nil while what the API acknowledges is kept.
func (a *API) Health() error { return a.db.file.Check() }

// Close accepts no further invocation and waits for those that were accepted.
// When ctx ends first, they are ended and recorded as such, which is no error.
func (a *API) Close(ctx context.Context) error {
	a.mu.Lock()
	a.closed = true
	a.mu.Unlock()
	idle := make(chan struct{})
	go func() {
		a.calls.Wait()
		close(idle)
	}()
	select {
	case <-idle:
	case <-ctx.Done():
		a.mu.Lock()
		a.cfg.Log.Warn("activations were still running at the end of the grace period", "count", a.inFlight)
		a.mu.Unlock()
	}
	a.cancel()
	<-idle
	return errors.Join(a.ledger.close(), a.closeLogs(), a.db.close())
}

func (a *API) closeLogs() error {
	if a.own == nil {
		return nil
	}
	return a.own.Close()
}
