// Package gateway is the platform's Lambda door: AWS Lambda's REST API over HTTP. The
// AWS CLI and SDKs are its clients.
//
//	g := gateway.New(gateway.Config{}, functions, invoker)
//	defer g.Close(ctx)
//	http.Serve(listener, g)
//
// It speaks CreateFunction, GetFunction, GetFunctionConfiguration,
// ListFunctions, UpdateFunctionCode, UpdateFunctionConfiguration,
// DeleteFunction, PublishVersion, ListVersionsByFunction, the calls for reserved
// concurrency, and Invoke (RequestResponse, Event, DryRun; log tail). Errors
// are AWS's. It checks no signature: it is for a loopback interface, or for a
// network in which everybody may run code on this host.
//
// An accepted Event is in the store until it has ended. It runs at least once, also
// when the platform is killed in between. An event that is throttled is tried again;
// an event whose function fails is not.
//
// The package keeps no functions and runs none: it translates.
package gateway

import (
	"cmp"
	"net/http"
	"sync"
	"time"

	"github.com/lambdabench/lambdabench/platform/body"
	"github.com/lambdabench/lambdabench/platform/door"
	"github.com/lambdabench/lambdabench/platform/store"
)

// Reserver bounds a function's concurrency; a *dispatch.Dispatcher is one.
type Reserver interface {
	Reserve(arn string, n int) error
	Unreserve(arn string)
}

const defaultAccount = "000000000000"

// Functions is how the paths of invocations, and of most other calls, begin.
const Functions = "/2015-03-31/functions"

// Config of a gateway; the zero value works, apart from Runtimes.
type Config struct {
	Runtimes []string // identifiers that functions may ask for
	Region   string   // in ARNs; default "us-east-1"
	Account  string   // in ARNs; default "000000000000"

	// Credentials are given to functions, as AWS_ACCESS_KEY_ID and so on; nil: none.
	Credentials map[string]string

	Reserver Reserver // nil: PutFunctionConcurrency is refused

	// Events is the most asynchronous invocations of one function that were accepted
	// and have not ended. Default: 1000.
	Events int

	door.Hooks

	bodyTime time.Duration // see body.Timed
}

// Gateway is an http.Handler. Its methods may be called from any number of
// goroutines.
type Gateway struct {
	cfg       Config
	store     *store.Store
	functions *store.Functions // of the account
	invoker   door.Invoker
	handler   http.Handler
	events    events

	managing sync.Mutex // makes a change of the store and of the Reserver one step
}

// Owner is the owner of the functions of an account's gateway; account "" is the
// default account.
func Owner(account string) store.Owner {
	return store.Owner{Door: "lambda", Account: cmp.Or(account, defaultAccount)}
}

// New returns a gateway. Close ends its goroutines.
func New(cfg Config, st *store.Store, invoker door.Invoker) *Gateway {
	cfg.Region = cmp.Or(cfg.Region, "us-east-1")
	cfg.Account = cmp.Or(cfg.Account, defaultAccount)
	cfg.Events = cmp.Or(cfg.Events, 1000)
	cfg.Hooks = cfg.Hooks.WithDefaults()
	g := &Gateway{cfg: cfg, store: st, functions: st.Of(Owner(cfg.Account)), invoker: invoker}
	g.events.start(cfg.Events, g.runEvent)
	g.handler = body.Timed(g.route(), cfg.bodyTime)
	return g
}

// route follows the AWS Lambda API Reference, 'Actions'.
func (g *Gateway) route() http.Handler {
	const functions = Functions
	routes := door.NewRoutes(g.cfg.Log, refusal)
	ok := func(pattern string, handler func(http.ResponseWriter, *http.Request) (any, error)) {
		routes.Handle(pattern, door.JSON(http.StatusOK, handler))
	}
	routes.Handle("POST "+functions+"/{name}/invocations", g.invoke)
	routes.Handle("GET /code/{name}", g.downloadCode)
	routes.Handle("DELETE "+functions+"/{name}", g.deleteFunction)
	routes.Handle("DELETE /2017-10-31/functions/{name}/concurrency", g.deleteConcurrency)
	for _, path := range []string{functions, functions + "/{$}"} { // SDKs send the slash
		routes.Handle("POST "+path, door.JSON(http.StatusCreated, g.createFunction))
		ok("GET "+path, g.listFunctions)
	}
	routes.Handle("POST "+functions+"/{name}/versions", door.JSON(http.StatusCreated, g.publishVersion))
	ok("GET "+functions+"/{name}", g.getFunction)
	ok("GET "+functions+"/{name}/configuration", g.getConfiguration)
	ok("PUT "+functions+"/{name}/configuration", g.updateConfiguration)
	ok("PUT "+functions+"/{name}/code", g.updateCode)
	ok("GET "+functions+"/{name}/versions", g.listVersions)
	ok("PUT /2017-10-31/functions/{name}/concurrency", g.putConcurrency)
	ok("GET /2019-09-30/functions/{name}/concurrency", g.getConcurrency)
	routes.Handle("/", func(_ http.ResponseWriter, r *http.Request) error {
		return apiError{http.StatusNotFound, "ResourceNotFoundException", "no such call: " + r.Method + " " +
			r.URL.Path}
	})
	return routes
}

// ServeHTTP implements http.Handler.
func (g *Gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) { g.handler.ServeHTTP(w, r) }

// Restore restores the state of the last run: stored reservations go to the Reserver,
// and asynchronous invocations that have not ended run. Functions without an owner
// (of an older data directory) become the account's; another door claims its own
// before.
func (g *Gateway) Restore() error {
	if _, err := g.store.Claim(Owner(g.cfg.Account), nil); err != nil {
		return err
	}
	for _, other := range g.store.Owners(Owner("").Door) {
		if other.Account != g.cfg.Account {
			g.cfg.Log.Warn("functions of another account are not shown; set account to have them", "account",
				other.Account)
		}
	}
	if g.cfg.Reserver != nil {
		g.restoreReservations()
	}
	return g.resume()
}

func (g *Gateway) restoreReservations() {
	for marker, more := "", true; more; more = marker != "" {
		var page []*store.Function
		page, marker = g.functions.List(marker, 1000)
		for _, fn := range page {
			if fn.Concurrency == nil {
				continue
			}
			if err := g.cfg.Reserver.Reserve(g.arn(fn), *fn.Concurrency); err != nil {
				g.cfg.Log.Warn("a stored reservation is not kept", "function", fn.Name, "error", err)
			}
		}
	}
}
