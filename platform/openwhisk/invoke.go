package openwhisk

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/lambdabench/lambdabench/platform/door"
	"github.com/lambdabench/lambdabench/platform/logs"
	"github.com/lambdabench/lambdabench/platform/store"
	"github.com/lambdabench/lambdabench/platform/worker"
	"github.com/lambdabench/lambdabench/runtime/isolation"
)

// blockingWait is how long a blocking invocation waits before it turns into a
// non-blocking one, as in OpenWhisk.
const blockingWait = 60 * time.Second

// call is one invocation that was accepted.
type call struct {
	action  *Action
	shown   request // under which names it was asked for
	id      string
	request worker.Request
	started time.Time

	blocking bool
	record   *Activation // when it has ended
	log      logs.Record // its log
	err      error       // when it was not run
	done     chan struct{}
}

// invoke runs an action. An invocation goes on when the client does not wait
// for it any more.
func (a *API) invoke(w http.ResponseWriter, r *http.Request) error {
	q, err := a.authorise(r)
	if err != nil {
		return err
	}
	query := r.URL.Query()
	blocking, only := query.Get("blocking") == "true", query.Get("result") == "true"
	wait, err := waitOf(query.Get("timeout"))
	if err != nil {
		return err
	}
	c, err := a.prepare(w, r, q)
	if err != nil {
		return err
	}
	c.blocking = blocking
	if err := a.accept(); err != nil {
		return err
	}
	if !blocking {
		if err := a.ledger.promise(c.unrun()); err != nil {
			a.release()
			return fmt.Errorf("keep activation %s: %w", c.id, err)
		}
	}
	w.Header().Set("X-Openwhisk-Activation-Id", c.id)
	go a.run(c)
	if blocking {
		timer := time.NewTimer(wait)
		defer timer.Stop()
		select {
		case <-c.done:
			return c.respond(w, only)
		case <-timer.C:
		case <-r.Context().Done():
			return nil // nobody reads an answer
		}
	}
	door.WriteJSON(w, http.StatusAccepted, map[string]string{"activationId": c.id})
	return nil
}

func waitOf(text string) (time.Duration, error) {
	if text == "" {
		return blockingWait, nil
	}
	ms, err := strconv.Atoi(text)
	if err != nil || ms < 0 || time.Duration(ms)*time.Millisecond > blockingWait {
		return 0,
			apiError{http.StatusBadRequest, "The value of 'timeout' is not an integer from 0 to 60000 (milliseconds)."}
	}
	return time.Duration(ms) * time.Millisecond, nil
}

// accept counts an invocation in, unless there are too many.
func (a *API) accept() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.closed {
		return errClosing
	}
	if a.inFlight >= a.cfg.InFlight {
		return apiError{http.StatusTooManyRequests,
			fmt.Sprintf("Too many concurrent requests in flight (count: %d, allowed: %d).", a.inFlight+1,
				a.cfg.InFlight)}
	}
	a.inFlight++
	a.calls.Add(1)
	return nil
}

func (a *API) release() {
	a.mu.Lock()
	a.inFlight--
	a.mu.Unlock()
	a.calls.Done()
}

// prepare reads an invocation: parameters of the package, then the action's,
// then the request's.
func (a *API) prepare(w http.ResponseWriter, r *http.Request, q request) (*call, error) {
	action, parameters, err := a.resolve(q)
	if err != nil {
		return nil, err
	}
	var own map[string]json.RawMessage
	if err := readJSON(w, r, maxParameters, &own); err != nil {
		return nil, err
	}
	fn, err := a.functions(action.Namespace).Get(action.Function, store.Latest)
	if err != nil {
		return nil, err
	}
	value := make(map[string]json.RawMessage, len(parameters)+len(own))
	for _, kv := range parameters {
		value[kv.Key] = kv.Value
	}
	for k, v := range own {
		value[k] = v
	}
	c := &call{action: action, shown: q, id: newID(), started: time.Now(), done: make(chan struct{})}
	payload, err := json.Marshal(map[string]any{"value": value, "env": map[string]string{
		"__OW_ACTION_NAME": "/" + action.path() + "/" + action.Name, "__OW_NAMESPACE": q.namespace,
		"__OW_ACTIVATION_ID":  c.id,
		"__OW_ACTION_VERSION": action.Version, "__OW_DEADLINE": strconv.FormatInt(c.started.Add(fn.Timeout).UnixMilli(),
			10),
	}})
	if err != nil {
		return nil, malformed("%v", err)
	}
	c.request = worker.Request{
		Runtime: fn.Runtime, Revision: fn.Revision, Timeout: fn.Timeout,
		Function: isolation.Function{
			Name: fn.Name, Version: fn.Version, ARN: arn(action.Namespace, fn.Name), Handler: fn.Handler,
			Package:     fn.Package,
			Environment: fn.Environment, Limits: isolation.Limits{MemoryBytes: int64(fn.MemoryMB) << 20,
				Processes: maxProcesses},
		},
		Invocation: isolation.Invocation{ID: c.id, Payload: payload, TraceID: door.TraceOf(r.Header)},
	}
	return c, nil
}

// run runs an accepted call and records it.
func (a *API) run(c *call) {
	defer a.release()
	res, err := a.invoker.Invoke(a.life, c.request)
	a.cfg.Observe(c.request, res, err)
	if c.err = err; err == nil || !c.blocking { // a blocking call that was not run is refused, and no activation
		c.record = c.ended(res, err)
		if len(res.Logs) > 0 {
			c.log = c.logOf(res)
			at := a.cfg.Logs.Append(c.log)
			c.record.Log = &at
		}
		if err := a.ledger.keep(c.record, !c.blocking); err != nil {
			a.cfg.Log.Error("an activation is not recorded", "activation", c.id, "error", err)
		}
	}
	close(c.done)
}

// respond answers a blocking call.
func (c *call) respond(w http.ResponseWriter, only bool) error {
	if c.err != nil {
		return c.err
	}
	status := http.StatusOK
	switch c.record.Response.code {
	case applicationError, developerError:
		status = http.StatusBadGateway
	case internalError:
		status = http.StatusInternalServerError
	}
	if !only {
		shown := *c.record
		shown.Log = nil
		shown.Logs = logLines(c.log)
		door.WriteJSON(w, status, &shown)
		return nil
	}
	body := bytes.TrimSpace(c.record.Response.Result)
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	w.Write(body)
	return nil
}
