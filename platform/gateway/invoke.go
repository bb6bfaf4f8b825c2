package gateway

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"github.com/google/uuid"
	"github.com/lambdabench/lambdabench/platform/body"
	"github.com/lambdabench/lambdabench/platform/door"
	"github.com/lambdabench/lambdabench/platform/metering"
	"github.com/lambdabench/lambdabench/platform/store"
	"github.com/lambdabench/lambdabench/platform/worker"
	"github.com/lambdabench/lambdabench/runtime/isolation"
)

// logTail is how much of an invocation's log X-Amz-Log-Result carries, bytes.
const logTail = 4 << 10

// Headers with which the platform says how an invocation came about. AWS has
// none; a load generator records them.
const (
	HeaderPath   = "X-Lambdabench-Path"
	HeaderStages = "X-Lambdabench-Stages" // nanoseconds: queue,boot,deploy,import,capture,run
)

// invoke is on the path of every hot invocation: it takes no lock but the
// store's for reading, and writes no log.
func (g *Gateway) invoke(w http.ResponseWriter, r *http.Request) error {
	req, fn, err := g.request(w, r)
	if err != nil {
		return err
	}
	h := w.Header()
	h["X-Amzn-Requestid"] = []string{req.Invocation.ID}
	h["X-Amz-Executed-Version"] = []string{fn.Version}
	switch kind := r.Header.Get("X-Amz-Invocation-Type"); kind {
	case "", "RequestResponse":
	case "DryRun":
		w.WriteHeader(http.StatusNoContent)
		return nil
	case "Event":
		if err := g.accept(req); err != nil {
			return err
		}
		w.WriteHeader(http.StatusAccepted)
		return nil
	default:
		return invalid("Value '" + kind + "' at 'invocationType' is not Event, RequestResponse or DryRun")
	}
	tail := r.Header.Get("X-Amz-Log-Type") == "Tail"
	req.Meter = tail
	res, err := g.run(r.Context(), req)
	if err != nil {
		return err
	}
	if tail {
		h.Set("X-Amz-Log-Result", base64.StdEncoding.EncodeToString(metering.Tail(req, res, logTail)))
	}
	return respond(w, res)
}

// request reads an invocation and looks its function up.
func (g *Gateway) request(w http.ResponseWriter, r *http.Request) (worker.Request, *store.Function, error) {
	name, version, err := g.identify(r)
	if err != nil {
		return worker.Request{}, nil, err
	}
	fn, err := g.functions.Get(name, version)
	if err != nil {
		return worker.Request{}, nil, err
	}
	payload, err := body.Read(w, r, isolation.MaxPayloadBytes)
	if err != nil {
		return worker.Request{}, nil, err
	}
	if len(payload) == 0 {
		payload = []byte("{}")
	} else if !json.Valid(payload) {
		return worker.Request{}, nil, apiError{http.StatusBadRequest, "InvalidRequestContentException",
			"Could not parse request body into json"}
	}
	req := g.RequestOf(fn, payload, r.Header)
	if c := r.Header.Get("X-Amz-Client-Context"); c != "" {
		if req.Invocation.ClientContext, err = base64.StdEncoding.DecodeString(c); err != nil ||
			!json.Valid(req.Invocation.ClientContext) {
			return worker.Request{}, nil, apiError{http.StatusBadRequest, "InvalidRequestContentException",
				"Client context must be a valid Base64-encoded JSON object."}
		}
	}
	return req, fn, nil
}

// RequestOf is an invocation of a stored function, with the trace that header names.
func (g *Gateway) RequestOf(fn *store.Function, payload []byte, header http.Header) worker.Request {
	return worker.Request{
		Runtime:  fn.Runtime,
		Revision: fn.Revision,
		Timeout:  fn.Timeout,
		Function: isolation.Function{
			Name: fn.Name, Version: fn.Version, ARN: g.arn(fn), Handler: fn.Handler, Package: fn.Package,
			Environment: fn.Environment, LogGroup: LogGroup(fn.Name), Credentials: g.cfg.Credentials,
			Limits: isolation.Limits{MemoryBytes: int64(fn.MemoryMB) << 20, Processes: maxProcesses},
		},
		Invocation: isolation.Invocation{ID: uuid.NewString(), Payload: payload, TraceID: door.TraceOf(header)},
	}
}

// LogGroup is where a function's log is.
func LogGroup(name string) string { return "/aws/lambda/" + name }

func (g *Gateway) run(ctx context.Context, req worker.Request) (worker.Response, error) {
	res, err := g.invoker.Invoke(ctx, req)
	g.cfg.Observe(req, res, err)
	return res, err
}

// respond writes a function's result or its error, which is a success of the
// call: status 200 and X-Amz-Function-Error.
func respond(w http.ResponseWriter, res worker.Response) error {
	payload := res.Payload
	h := w.Header()
	if res.Error != nil {
		var err error
		if payload, err = json.Marshal(res.Error); err != nil {
			return err
		}
		h["X-Amz-Function-Error"] = []string{"Unhandled"}
	}
	h["Content-Type"] = []string{"application/json"}
	h[HeaderPath] = []string{string(res.Path)}
	h[HeaderStages] = []string{formatStages(res.Stages)}
	h["Content-Length"] = []string{strconv.Itoa(len(payload))}
	w.WriteHeader(http.StatusOK)
	w.Write(payload)
	return nil
}

func formatStages(s worker.Stages) string {
	b := make([]byte, 0, 64)
	for i, d := range [...]time.Duration{s.Queue, s.Boot, s.Deploy, s.Import, s.Capture, s.Run} {
		if i > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendInt(b, int64(d), 10)
	}
	return string(b)
}
