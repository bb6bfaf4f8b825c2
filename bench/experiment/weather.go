package experiment

import (
	"context"
	"errors"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"github.com/lambdabench/lambdabench/bench"
	"github.com/lambdabench/lambdabench/platform/worker"
)

// Providers of experiment mpsc.
const (
	cloudA = "cloud-a"
	cloudB = "cloud-b"
	edge   = "edge"
)

// weather delays and fails the calls of the providers of experiment mpsc.
type weather struct {
	delays    map[string]time.Duration // of each provider while it is well
	slow      time.Duration            // of the edge while it is not
	errors    float64                  // share of calls that fail at the edge while it is not
	timetable timetable
	start     atomic.Pointer[time.Time] // nil: the edge is well
}

func (w *weather) begin() {
	now := time.Now()
	w.start.Store(&now)
}

// timetable lists the moments at which the edge changes: it is well until the first, unwell
// until the second, and so on.
type timetable []time.Duration

// newTimetable draws phases around their share of the period, half as long to
// half as long again.
func newTimetable(seed uint64, period time.Duration, bad float64, until time.Duration) timetable {
	rng := rand.New(rand.NewPCG(seed, 0x65646765))
	var tt timetable
	for at := time.Duration(0); at < until; {
		share := 1 - bad
		if len(tt)%2 == 1 {
			share = bad
		}
		at += max(time.Millisecond, time.Duration(float64(period)*share*(0.5+rng.Float64())))
		tt = append(tt, at)
	}
	return tt
}

// bad reports whether the edge is unwell at a moment.
func (tt timetable) bad(at time.Duration) bool {
	n := 0
	for n < len(tt) && tt[n] <= at {
		n++
	}
	return n%2 == 1
}

// now draws the delay of a call to a provider, and whether the call fails after the delay.
func (w *weather) now(provider string) (delay time.Duration, fails bool) {
	delay = w.delays[provider]
	if start := w.start.Load(); provider == edge && start != nil && w.timetable.bad(time.Since(*start)) {
		delay, fails = w.slow, rand.Float64() < w.errors
	}
	return time.Duration(float64(delay) * (0.9 + 0.2*rand.Float64())), fails
}

// provider is one platform of this process behind the weather.
type provider struct {
	url     string
	gateway *gatewayCaller
	server  *http.Server
	served  chan error
}

// open starts a platform with a function on it.
func (w *weather) open(ctx context.Context, env *bench.Env, name string, fns Functions) (*provider, error) {
	own := *env
	own.Dir = filepath.Join(env.Dir, name)
	if err := os.Mkdir(own.Dir, 0o755); err != nil {
		return nil, err
	}
	g, err := openGateway(ctx, &own, worker.Config{}, fns)
	if err != nil {
		return nil, err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, errors.Join(err, g.Close())
	}
	p := &provider{url: "http://" + l.Addr().String(), gateway: g, served: make(chan error, 1)}
	p.server = &http.Server{Handler: w.before(name, g.platform.Handler()), ReadHeaderTimeout: 10 * time.Second}
	go func() { p.served <- p.server.Serve(l) }()
	return p, nil
}

// before delays and fails calls of a provider; invocations alone.
func (w *weather) before(name string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if !strings.HasSuffix(r.URL.Path, "/invocations") {
			next.ServeHTTP(rw, r)
			return
		}
		delay, fails := w.now(name)
		timer := time.NewTimer(delay)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-r.Context().Done():
			return
		}
		if fails {
			http.Error(rw, `{"message":"the edge is unwell"}`, http.StatusServiceUnavailable)
			return
		}
		next.ServeHTTP(rw, r)
	})
}

func (p *provider) close() error {
	grace, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	err := p.server.Shutdown(grace) // calls that were given up end before their platform does
	if err != nil {
		err = errors.Join(err, p.server.Close())
	}
	if e := <-p.served; !errors.Is(e, http.ErrServerClosed) {
		err = errors.Join(err, e)
	}
	return errors.Join(err, p.gateway.Close())
}
