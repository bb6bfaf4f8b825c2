package mpsc

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"time"
)

// Types of providers.
const (
	TypeAWS       = "aws"
	TypeOpenWhisk = "openwhisk"
	TypeHTTP      = "http"
)

// Executor invokes functions at one provider. It may be used by any number of
// goroutines.
type Executor interface {
	// Execute runs the function once and returns its JSON. The error of a call
	// that did not succeed is a *CallError.
	Execute(ctx context.Context, function string, payload []byte) ([]byte, error)
}

// Class says what became of a call.
type Class string

// The classes. Only OK carries a result.
const (
	OK            Class = "ok"
	FunctionError Class = "function_error" // the function itself failed
	Throttled     Class = "throttled"      // 429
	Refused       Class = "refused"        // other 4xx: no such function, bad credentials
	ServerError   Class = "server_error"   // 5xx
	TimedOut      Class = "timeout"
	Unreachable   Class = "unreachable" // no connection, or it broke
	Malformed     Class = "malformed"   // the answer is no JSON, whatever its content type says
)

// CallError is a call that did not succeed.
type CallError struct {
	Class   Class
	Message string
}

func (e *CallError) Error() string { return string(e.Class) + ": " + e.Message }

// FallsOver reports whether another provider may succeed where this one did
// not. A function that failed fails elsewhere too.
func (c Class) FallsOver() bool { return c != OK && c != FunctionError }

// NewExecutor returns the executor for a provider. Credentials are looked up
// with getenv under the provider's prefix. Connections stay open until
// they were idle for a minute, or until the executor's CloseIdleConnections is called.
func NewExecutor(p Provider, getenv func(string) string) (Executor, error) {
	if getenv == nil {
		getenv = os.Getenv
	}
	transport := &http.Transport{
		MaxIdleConnsPerHost: 64,
		IdleConnTimeout:     time.Minute,
		DialContext:         (&net.Dialer{Timeout: 5 * time.Second}).DialContext,
	}
	makers := map[string]func(Provider, *http.Client, func(string) string) (Executor, error){
		TypeAWS: newAWS, TypeOpenWhisk: newOpenWhisk, TypeHTTP: newTemplate,
	}
	newOf := makers[p.Type]
	if newOf == nil {
		return nil, fmt.Errorf("provider %s: type %q is not aws, openwhisk or http", p.Name, p.Type)
	}
	e, err := newOf(p, &http.Client{Transport: transport}, getenv)
	if err != nil {
		return nil, err
	}
	return connected{e, transport}, nil
}

// connected is an executor with its connections.
type connected struct {
	Executor
	transport *http.Transport
}

func (c connected) CloseIdleConnections() { c.transport.CloseIdleConnections() }

// Test is one timed call.
type Test struct {
	Function  string        `json:"function"`
	Provider  string        `json:"provider"`
	RoundTrip time.Duration `json:"round_trip_ns"`
	Class     Class         `json:"class"`
	Error     string        `json:"error,omitempty"`
	At        time.Time     `json:"at"`
}

// measure runs a call and times it. The result is nil unless the class is OK.
func measure(ctx context.Context, e Executor, timeout time.Duration, function string, payload []byte) (Test, []byte) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	start := time.Now()
	out, err := e.Execute(ctx, function, payload)
	t := Test{Function: function, RoundTrip: time.Since(start), Class: OK}
	if err == nil && !json.Valid(out) {
		err = &CallError{Malformed, "the answer is not JSON"}
	}
	if err != nil {
		t.Class, t.Error = Classify(err), err.Error()
		var call *CallError
		if errors.As(err, &call) {
			t.Error = call.Message // the class stands beside it
		}
		return t, nil
	}
	return t, out
}

// Classify names the class of an executor's error.
func Classify(err error) Class {
	var call *CallError
	var netErr net.Error
	switch {
	case err == nil:
		return OK
	case errors.As(err, &call):
		return call.Class
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &netErr) && netErr.Timeout():
		return TimedOut
	}
	return Unreachable
}

// classOfStatus is the class of an HTTP status.
func classOfStatus(code int) Class {
	switch {
	case code == http.StatusTooManyRequests:
		return Throttled
	case code >= 500:
		return ServerError
	case code >= 400:
		return Refused
	}
	return OK
}
