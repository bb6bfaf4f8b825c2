// Package door has what the platform's front doors share: routes whose handlers
// return errors, one writer for answers and errors, and the hooks by which a door
// reports to the platform. A door says in a Refusal how its API words an error.
package door

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"

	"github.com/lambdabench/lambdabench/platform/worker"
)

// Invoker runs invocations; a *dispatch.Dispatcher is one.
type Invoker interface {
	Invoke(ctx context.Context, req worker.Request) (worker.Response, error)
}

// Hooks are how a door reports to the platform. The zero value reports nothing.
type Hooks struct {
	Forget  func(arn, version string)                                // called when code is removed
	Observe func(req worker.Request, res worker.Response, err error) // called after each invocation
	Log     *slog.Logger
}

// WithDefaults replaces nil fields by ones that do nothing.
func (h Hooks) WithDefaults() Hooks {
	if h.Forget == nil {
		h.Forget = func(string, string) {}
	}
	if h.Observe == nil {
		h.Observe = func(worker.Request, worker.Response, error) {}
	}
	if h.Log == nil {
		h.Log = slog.New(slog.DiscardHandler)
	}
	return h
}

// Refusal is an error in the words of one API.
type Refusal struct {
	Status int
	Header map[string]string
	Body   any   // written as JSON
	Attrs  []any // for the log
}

// Routes is an http.Handler that routes requests by pattern and answers the errors
// of their handlers.
type Routes struct {
	mux    *http.ServeMux
	log    *slog.Logger
	refuse func(error) Refusal
}

// NewRoutes returns routes whose errors refuse words.
func NewRoutes(log *slog.Logger, refuse func(error) Refusal) *Routes {
	return &Routes{mux: http.NewServeMux(), log: log, refuse: refuse}
}

// Handle registers the handler of a pattern of http.ServeMux.
func (rt *Routes) Handle(pattern string, handler func(http.ResponseWriter, *http.Request) error) {
	rt.mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
		if err := handler(w, r); err != nil {
			rt.answer(w, r, err)
		}
	})
}

// ServeHTTP implements http.Handler.
func (rt *Routes) ServeHTTP(w http.ResponseWriter, r *http.Request) { rt.mux.ServeHTTP(w, r) }

// answer writes an error. An error of the platform's is logged, unless the client is
// gone. The answer is written in any case: a client whose body came too slowly reads
// it, and without it would read status 200.
func (rt *Routes) answer(w http.ResponseWriter, r *http.Request, err error) {
	refusal := rt.refuse(err)
	if refusal.Status >= http.StatusInternalServerError && r.Context().Err() == nil {
		rt.log.Error("request failed",
			append([]any{"method", r.Method, "path", r.URL.Path, "error", err}, refusal.Attrs...)...)
	}
	for name, value := range refusal.Header {
		w.Header().Set(name, value)
	}
	WriteJSON(w, refusal.Status, refusal.Body)
}

// JSON returns a handler that answers with status and, as JSON, with what value returns.
func JSON(
	status int, value func(http.ResponseWriter, *http.Request) (any, error),
) func(http.ResponseWriter, *http.Request) error {
	return func(w http.ResponseWriter, r *http.Request) error {
		v, err := value(w, r)
		if err == nil {
			WriteJSON(w, status, v)
		}
		return err
	}
}

// WriteJSON answers with v as JSON.
func WriteJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.Encode(v)
}
