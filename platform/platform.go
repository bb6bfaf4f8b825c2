// Package platform is a FaaS platform on one machine: store, doors, dispatcher and
// worker over one isolation backend.
//
//	p, err := platform.Open(platform.Config{Data: dir}, backend, interpreters, log)
//	err = p.Serve(ctx, listener) // until ctx ends
//
// It speaks AWS Lambda's REST API (package gateway) and OpenWhisk's (package
// openwhisk), and has /metrics for Prometheus and /healthz. One data directory
// belongs to one platform at a time. The package opens no port by itself.
package platform

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/lambdabench/lambdabench/platform/body"
	"github.com/lambdabench/lambdabench/platform/dispatch"
	"github.com/lambdabench/lambdabench/platform/door"
	"github.com/lambdabench/lambdabench/platform/gateway"
	"github.com/lambdabench/lambdabench/platform/logs"
	"github.com/lambdabench/lambdabench/platform/metering"
	"github.com/lambdabench/lambdabench/platform/openwhisk"
	"github.com/lambdabench/lambdabench/platform/origin"
	"github.com/lambdabench/lambdabench/platform/store"
	"github.com/lambdabench/lambdabench/platform/worker"
	"github.com/lambdabench/lambdabench/runtime/isolation"
)

// sweepEvery is the period of the sweep for packages that no function names any more,
// and retiredFor how long such a package stays: longer than any invocation may run.
const (
	sweepEvery = time.Minute
	retiredFor = 20 * time.Minute
)

// longestRequest bounds the time from a request's header to the end of its answer. A
// function runs for up to 15 minutes, after it waited for its turn, a place and its
// boot.
const longestRequest = 25 * time.Minute

// Platform is a running platform.
type Platform struct {
	Store    *store.Store
	Worker   *worker.Worker
	Dispatch *dispatch.Dispatcher
	Gateway  *gateway.Gateway
	Whisk    *openwhisk.API
	Logs     *logs.Store

	cfg     Config
	log     *slog.Logger
	lambda  string // owner of the Lambda door's functions
	handler http.Handler

	stop         context.CancelFunc // of the sweeper
	goroutines   sync.WaitGroup
	waitRequests func() // returns when every connection of Serve is closed
	once         sync.Once
	err          error // of Close
}

// Open opens a platform. The caller closes the backend, after the platform.
func Open(
	cfg Config, backend isolation.Backend, interpreters []isolation.Interpreter, log *slog.Logger,
) (*Platform, error) {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("open platform: %w", err)
	}
	cfg = cfg.withDefaults()
	p := &Platform{
		cfg: cfg, log: log, lambda: gateway.Owner(cfg.Account).String(),
		stop: func() {}, waitRequests: func() {},
	}
	if err := p.open(backend, interpreters); err != nil {
		return nil, errors.Join(fmt.Errorf("open platform: %w", err), p.Close())
	}
	return p, nil
}

func (p *Platform) open(backend isolation.Backend, interpreters []isolation.Interpreter) (err error) {
	if len(interpreters) == 0 {
		return errors.New("no language runtime is installed: install Node.js 18 or later, or CPython 3.11 or later")
	}
	if few := keepThreads(); few > 0 && p.cfg.Dispatch.Concurrency == 0 {
		p.cfg.Dispatch.Concurrency = few
		p.log.Warn("the platform's control group allows few tasks (pids.max)", "concurrency", few)
	}
	if p.Store, err = store.Open(p.cfg.Data); err != nil {
		return err
	}
	for _, d := range p.Store.Damage() {
		p.log.Error("part of the data directory cannot be read: " + d)
	}
	p.Logs, err = logs.Open(logs.Config{
		Dir: filepath.Join(p.cfg.Data, "logs"), Bytes: int64(p.cfg.Logs.Bytes), Age: p.cfg.Logs.Age, Log: p.log,
	})
	if err != nil {
		return err
	}
	wcfg := p.cfg.Worker
	wcfg.Log, wcfg.Printed = p.log, p.printed
	wcfg.Environment = []string{"AWS_REGION=" + p.cfg.Region, "AWS_DEFAULT_REGION=" + p.cfg.Region}
	if p.Worker, err = worker.New(wcfg, backend, interpreters); err != nil {
		return err
	}
	if p.Dispatch, err = dispatch.New(p.cfg.Dispatch, p.Worker); err != nil {
		return err
	}
	metrics := metering.NewMetrics(backend.Name(), p.Worker.Stats, p.Dispatch.Stats,
		func() int { return len(p.damaged()) })
	if err := p.openDoors(interpreters, metrics); err != nil {
		return err
	}
	if err := p.route(metrics); err != nil {
		return err
	}
	ctx, stop := context.WithCancel(context.Background())
	p.stop = stop
	p.goroutines.Go(func() { p.sweep(ctx) })
	return nil
}

// openDoors opens both doors. In a data directory whose functions have no owners,
// OpenWhisk's door claims its functions first and the Lambda door the rest.
func (p *Platform) openDoors(interpreters []isolation.Interpreter, metrics *metering.Metrics) (err error) {
	var names []string
	for _, in := range interpreters {
		names = append(names, in.Runtime)
	}
	observe := func(req worker.Request, res worker.Response, err error) {
		metrics.Observe(req, res, err)
		if err == nil {
			p.Logs.Append(logs.Of(p.lambda, req.Function.LogGroup, req, res))
		}
	}
	p.Gateway = gateway.New(gateway.Config{
		Runtimes: names, Region: p.cfg.Region, Account: p.cfg.Account, Credentials: p.cfg.Credentials.variables(),
		Reserver: p.Dispatch, Events: p.cfg.Events,
		Hooks: door.Hooks{Forget: p.Worker.Forget, Observe: observe, Log: p.log},
	}, p.Store, p.Dispatch)
	p.Whisk, err = openwhisk.Open(openwhisk.Config{
		Settings: p.cfg.OpenWhisk, Dir: p.cfg.Data, Runtimes: names, Logs: p.Logs,
		Hooks: door.Hooks{Forget: p.Worker.Forget, Observe: metrics.Observe, Log: p.log},
	}, p.Store, p.Dispatch)
	if err != nil {
		return err
	}
	return p.Gateway.Restore()
}

// route puts the handler of the platform's listener together.
func (p *Platform) route(metrics prometheus.Collector) error {
	registry := prometheus.NewRegistry()
	for _, c := range []prometheus.Collector{
		metrics, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	} {
		if err := registry.Register(c); err != nil {
			return fmt.Errorf("register metrics: %w", err)
		}
	}
	mux := http.NewServeMux()
	mux.Handle("/", p.Gateway)
	mux.Handle("POST /{$}", p.queries())
	mux.Handle("/api/v1", p.Whisk)
	mux.Handle("/api/v1/", p.Whisk)
	mux.Handle("GET /metrics", body.Timed(promhttp.HandlerFor(registry, promhttp.HandlerOpts{}), 0))
	mux.Handle("GET /healthz", body.Timed(http.HandlerFunc(p.healthz), 0))
	if p.cfg.Pprof {
		profiles(mux)
	}
	p.handler = origin.Guard(body.Bounded(p.direct(mux), body.NewBudget(int64(p.cfg.Bodies))), p.cfg.Hosts)
	return nil
}

// direct spares the requests of the Lambda door the search in rest: the door
// searches its own patterns.
func (p *Platform) direct(rest http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, gateway.Functions) {
			p.Gateway.ServeHTTP(w, r)
			return
		}
		rest.ServeHTTP(w, r)
	})
}

// queries serves requests whose header names the service: CloudWatch Logs, and
// otherwise Lambda.
func (p *Platform) queries() http.Handler {
	api := body.Timed(logs.NewAPI(logs.APIConfig{Owner: p.lambda, Region: p.cfg.Region, Account: p.cfg.Account},
		p.Logs), 0)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.Header.Get("X-Amz-Target"), logs.TargetPrefix) {
			api.ServeHTTP(w, r)
			return
		}
		p.Gateway.ServeHTTP(w, r)
	})
}

// printed logs output of a sandbox that belongs to no invocation.
func (p *Platform) printed(s worker.Printed) {
	r := logs.Record{Stream: s.LogStream, Start: time.Now(), End: time.Now(), Text: s.Text, Marks: s.Marks}
	if len(s.Marks) > 0 {
		r.Start = s.Marks[0].At
	}
	name, ok := strings.CutPrefix(s.ARN, "arn:aws:lambda:"+p.cfg.Region+":"+p.cfg.Account+":function:")
	if !ok {
		return // of an OpenWhisk action, whose activations have ended
	}
	r.Owner, r.Group = p.lambda, gateway.LogGroup(name)
	p.Logs.Append(r)
}

// profiles serves the profiles that `go tool pprof` reads.
func profiles(mux *http.ServeMux) {
	mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
}

// sweep removes packages that no function names any more, until ctx ends.
func (p *Platform) sweep(ctx context.Context) {
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			n, err := p.Store.Sweep(retiredFor)
			if err != nil {
				p.log.Warn("old packages stay until the next start", "error", err)
			}
			if n > 0 {
				p.log.Info("old packages removed", "count", n)
			}
		}
	}
}

// Handler serves every path of the platform's listener.
func (p *Platform) Handler() http.Handler { return p.handler }

// Serve answers on l until ctx ends. Then it accepts no further request, lets
// invocations under way finish within Config.Grace, and closes the platform.
func (p *Platform) Serve(ctx context.Context, l net.Listener) error {
	var connections sync.WaitGroup
	srv := &http.Server{
		Handler:           p.handler,
		ReadHeaderTimeout: 10 * time.Second,
		WriteTimeout:      longestRequest, // package body bounds the time of a request's body
		IdleTimeout:       2 * time.Minute,
		ErrorLog:          slog.NewLogLogger(p.log.Handler(), slog.LevelDebug),
		ConnState: func(_ net.Conn, state http.ConnState) {
			switch state {
			case http.StateNew:
				connections.Add(1)
			case http.StateClosed:
				connections.Done()
			}
		},
	}
	failed := make(chan error, 1)
	go func() { failed <- srv.Serve(l) }()
	var err error
	select {
	case err = <-failed:
		err = errors.Join(err, srv.Close())
	case <-ctx.Done():
	}
	// One grace for synchronous and asynchronous invocations.
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), p.cfg.Grace)
	defer cancel()
	if ctx.Err() != nil && err == nil {
		p.log.Info("shutting down", "grace", p.cfg.Grace)
		if e := srv.Shutdown(grace); e != nil {
			p.log.Warn("invocations were still running at the end of the grace period", "error", e)
			err = srv.Close()
		}
		if e := <-failed; !errors.Is(e, http.ErrServerClosed) {
			err = errors.Join(err, e)
		}
	}
	p.waitRequests = connections.Wait
	return errors.Join(err, p.closeWithin(grace))
}

// Close ends all invocations, after asynchronous ones had Config.Grace to finish. An
// invocation that has not finished then is in the log and is no error. A second
// Close does nothing.
func (p *Platform) Close() error {
	grace, cancel := context.WithTimeout(context.Background(), p.cfg.Grace)
	defer cancel()
	return p.closeWithin(grace)
}

func (p *Platform) closeWithin(grace context.Context) error {
	p.once.Do(func() { p.err = p.close(grace) })
	return p.err
}

func (p *Platform) close(grace context.Context) error {
	p.stop()
	p.goroutines.Wait()
	drained := p.drain(grace)
	var errs []error
	select {
	case err := <-drained:
		errs, drained = append(errs, err), nil
	case <-grace.Done():
	}
	if p.Dispatch != nil {
		p.Dispatch.Close() // ends the invocations that wait for their turn
	}
	if p.Worker != nil {
		errs = append(errs, p.Worker.Close()) // ends the invocations that outlive the grace
	}
	if drained != nil {
		errs = append(errs, <-drained)
	}
	p.waitRequests() // from here on no request and no event uses the store
	if p.Logs != nil {
		errs = append(errs, p.Logs.Close())
	}
	if p.Store != nil {
		errs = append(errs, p.Store.Close())
	}
	return errors.Join(errs...)
}

// drain has both doors accept no further invocation. The channel delivers when all
// invocations that they had accepted have ended, by themselves or with the worker.
func (p *Platform) drain(grace context.Context) <-chan error {
	drained := make(chan error, 1)
	var lambda, whisk error
	var doors sync.WaitGroup
	if p.Gateway != nil {
		doors.Go(func() {
			// events go on after the next start
			if err := p.Gateway.Close(grace); !errors.Is(err, context.DeadlineExceeded) {
				lambda = err
			}
			p.Gateway.Wait()
		})
	}
	if p.Whisk != nil {
		doors.Go(func() { whisk = p.Whisk.Close(grace) })
	}
	go func() {
		doors.Wait()
		drained <- errors.Join(lambda, whisk)
	}()
	return drained
}
