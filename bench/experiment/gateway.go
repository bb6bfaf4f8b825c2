package experiment

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/lambdabench/lambdabench/bench"
	"github.com/lambdabench/lambdabench/platform"
	"github.com/lambdabench/lambdabench/platform/gateway"
	"github.com/lambdabench/lambdabench/platform/store"
	"github.com/lambdabench/lambdabench/platform/worker"
	"github.com/lambdabench/lambdabench/runtime/isolation"
)

// gatewayCaller calls functions over HTTP at a platform of its own, on loopback. Each call
// has a connection to itself; free connections wait in idle. The client of net/http would
// hand every request through two more goroutines, which costs a small machine as much as
// the platform does.
type gatewayCaller struct {
	platform *platform.Platform
	address  string
	idle     chan *connection
	stop     context.CancelFunc
	served   chan error
}

type connection struct {
	net.Conn
	r *bufio.Reader
	w bytes.Buffer
}

// maxIdle bounds the connections that wait for their next call.
const maxIdle = 1024

// openGateway starts a whole platform on the trial's backend, with functions
// created, and returns when its worker is ready.
func openGateway(ctx context.Context, env *bench.Env, cfg worker.Config, fns ...Functions) (*gatewayCaller, error) {
	settings := platform.Config{Data: filepath.Join(env.Dir, "data"), Worker: patient(env, cfg)}
	p, err := platform.Open(settings, env.Backend, []isolation.Interpreter{env.Interpreter}, env.Log)
	if err != nil {
		return nil, err
	}
	for _, f := range fns {
		if err := create(ctx, p.Store.Of(gateway.Owner("")), env.Interpreter.Runtime, f); err != nil {
			return nil, errors.Join(err, p.Close())
		}
	}
	if err := p.Worker.Ready(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("wait for the worker: %w", err), p.Close())
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, errors.Join(fmt.Errorf("listen for the gateway: %w", err), p.Close())
	}
	serving, stop := context.WithCancel(context.WithoutCancel(ctx))
	g := &gatewayCaller{platform: p, address: ln.Addr().String(), idle: make(chan *connection, maxIdle), stop: stop,
		served: make(chan error, 1)}
	go func() { g.served <- p.Serve(serving, ln) }()
	return g, nil
}

// maxCreations is the number of functions that are created at a time: enough to make the
// store's syncs cheap beside the files, and few enough for the zips of large packages.
const maxCreations = 1024

// create makes all functions of f known to a platform.
func create(ctx context.Context, s *store.Functions, runtime string, f Functions) error {
	for from := 0; from < f.Count; from += maxCreations {
		if err := ctx.Err(); err != nil {
			return err
		}
		batch := make([]store.Creation, min(maxCreations, f.Count-from))
		for i := range batch {
			var err error
			if batch[i], err = creation(runtime, f, from+i); err != nil {
				return err
			}
		}
		if _, err := s.CreateMany(batch); err != nil {
			return err
		}
	}
	return nil
}

func creation(runtime string, f Functions, i int) (store.Creation, error) {
	zip, err := f.Population.Zip(i)
	c := f.Call(i, nil).Function()
	return store.Creation{Zip: zip, Function: store.Function{Name: c.Name, Runtime: runtime, Handler: c.Handler,
		Timeout: f.Timeout, MemoryMB: int(f.Memory >> 20)}}, err
}

// Call implements Caller. A call whose context ends is refused.
func (g *gatewayCaller) Call(ctx context.Context, c Callee) Reply {
	resp, body, err := g.post(ctx, c)
	if err != nil {
		return Reply{Outcome: OutcomeRefused, Error: err.Error()}
	}
	return read(c, resp, body)
}

func (g *gatewayCaller) post(ctx context.Context, c Callee) (*http.Response, []byte, error) {
	conn, err := g.connection(ctx)
	if err != nil {
		return nil, nil, err
	}
	conn.SetDeadline(time.Now().Add(c.Timeout + time.Minute))
	stop := context.AfterFunc(ctx, func() { conn.SetDeadline(time.Unix(1, 0)) })
	resp, body, err := conn.roundTrip(g.address, c)
	if !stop() || err != nil || resp.Close {
		conn.Close()
		return resp, body, err
	}
	select {
	case g.idle <- conn:
	default:
		conn.Close()
	}
	return resp, body, nil
}

func (g *gatewayCaller) connection(ctx context.Context) (*connection, error) {
	select {
	case c := <-g.idle:
		return c, nil
	default:
	}
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", g.address)
	if err != nil {
		return nil, err
	}
	return &connection{Conn: conn, r: bufio.NewReader(conn)}, nil
}

func (c *connection) roundTrip(host string, callee Callee) (*http.Response, []byte, error) {
	c.w.Reset()
	fmt.Fprintf(&c.w, "POST /2015-03-31/functions/%s/invocations HTTP/1.1\r\nHost: %s\r\nContent-Length: %d\r\n\r\n",
		callee.Population.Name(callee.Number), host, len(callee.Payload))
	c.w.Write(callee.Payload)
	if _, err := c.Write(c.w.Bytes()); err != nil {
		return nil, nil, fmt.Errorf("send the call: %w", err)
	}
	resp, err := http.ReadResponse(c.r, nil)
	if err != nil {
		return nil, nil, fmt.Errorf("read the reply: %w", err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, nil, fmt.Errorf("read the reply: %w", err)
	}
	return resp, body, nil
}

// read turns the gateway's answer into a reply.
func read(c Callee, resp *http.Response, body []byte) Reply {
	r := Reply{Path: resp.Header.Get(gateway.HeaderPath), Stages: parseStages(resp.Header.Get(gateway.HeaderStages))}
	if resp.StatusCode != http.StatusOK {
		r.Outcome, r.Error = OutcomeRefused, resp.Status+": "+string(body)
		return r
	}
	res := isolation.Result{Outcome: isolation.OK, Payload: body}
	if resp.Header.Get("X-Amz-Function-Error") != "" {
		res.Error = new(isolation.FunctionError)
		if err := json.Unmarshal(body, res.Error); err != nil {
			r.Outcome, r.Error = OutcomeWrong, "error that is no JSON: "+string(body)
			return r
		}
		res.Outcome = res.Error.Outcome()
	}
	r.Outcome, r.Error = checked(c, res)
	return r
}

// parseStages reads gateway.HeaderStages.
func parseStages(header string) worker.Stages {
	var s worker.Stages
	fields := []*time.Duration{&s.Queue, &s.Boot, &s.Deploy, &s.Import, &s.Capture, &s.Run}
	for i, f := range strings.Split(header, ",") {
		if n, err := strconv.ParseInt(f, 10, 64); err == nil && i < len(fields) {
			*fields[i] = time.Duration(n)
		}
	}
	return s
}

// Close ends the platform.
func (g *gatewayCaller) Close() error {
	for len(g.idle) > 0 {
		(<-g.idle).Close()
	}
	g.stop()
	return <-g.served
}
