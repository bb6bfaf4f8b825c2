package mpsc

import (
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/lambdabench/lambdabench/platform/body"
	"github.com/lambdabench/lambdabench/platform/origin"
)

//go:embed openapi.yaml
var openAPI []byte

// maxBody bounds a request, in bytes.
const maxBody = 6 << 20

// Handler is the REST API that openapi.yaml describes; it serves that file too.
func Handler(c *Controller) http.Handler {
	mux := http.NewServeMux()
	methods := map[string][]string{} // by path
	for pattern, serve := range c.routes() {
		mux.HandleFunc(pattern, serve)
		method, path, _ := strings.Cut(pattern, " ")
		methods[path] = append(methods[path], method)
	}
	for path, allowed := range methods {
		mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Allow", strings.Join(allowed, ", "))
			refuse(w, http.StatusMethodNotAllowed, fmt.Sprintf("%s takes %s, not %s", r.URL.Path,
				strings.Join(allowed, ", "), r.Method))
		})
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		refuse(w, http.StatusNotFound, r.URL.Path+": there is no such path; /openapi.yaml has those that there are")
	})
	return body.Timed(origin.Guard(body.Bounded(mux, body.NewBudget(0)), c.cfg.Hosts), c.bodyTime)
}

func (c *Controller) routes() map[string]http.HandlerFunc {
	return map[string]http.HandlerFunc{
		"GET /openapi.yaml":          serveOpenAPI,
		"GET /metrics/{function}":    c.serveMetrics,
		"POST /test/{function}":      c.serveTest,
		"GET /schedules":             c.serveSchedules,
		"PUT /schedules/{name}":      c.serveAddSchedule,
		"POST /schedules/{name}/use": c.serveUse,
		"GET /schedule/{function}":   c.serveSchedule,
		"POST /run/{function}":       c.serveRun,
	}
}

// Bodies of the REST API that are of no use elsewhere.
type (
	scheduleList struct {
		Current   string   `json:"current"`
		Schedules []string `json:"schedules"`
	}
	addedSchedule struct {
		Added string `json:"added"`
	}
	usedSchedule struct {
		Current string `json:"current"`
	}
	failure struct {
		Error string `json:"error"`
	}
)

func serveOpenAPI(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/yaml")
	w.Write(openAPI)
}

func (c *Controller) serveMetrics(w http.ResponseWriter, r *http.Request) {
	all, err := c.Metrics(r.Context(), r.PathValue("function"))
	answer(w, all, err)
}

// serveTest tests one provider, or all of them one after the other.
func (c *Controller) serveTest(w http.ResponseWriter, r *http.Request) {
	names := []string{r.URL.Query().Get("provider")}
	if names[0] == "" {
		names = nil
		for _, p := range c.cfg.Providers {
			names = append(names, p.Name)
		}
	}
	tests := make([]Test, 0, len(names))
	for _, name := range names {
		t, err := c.Test(r.Context(), r.PathValue("function"), name)
		if err != nil {
			answer(w, nil, err)
			return
		}
		tests = append(tests, t)
	}
	answer(w, tests, nil)
}

func (c *Controller) serveSchedules(w http.ResponseWriter, _ *http.Request) {
	c.mu.RLock()
	current := c.current
	c.mu.RUnlock()
	answer(w, scheduleList{current, c.Schedules()}, nil)
}

func (c *Controller) serveAddSchedule(w http.ResponseWriter, r *http.Request) {
	source, err := body.Read(w, r, maxSchedule)
	if err == nil {
		err = c.AddSchedule(r.Context(), r.PathValue("name"), string(source))
	}
	answer(w, addedSchedule{r.PathValue("name")}, err)
}

func (c *Controller) serveUse(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("name")
	answer(w, usedSchedule{name}, c.Use(r.Context(), name))
}

func (c *Controller) serveSchedule(w http.ResponseWriter, r *http.Request) {
	rec, err := c.Recommend(r.Context(), r.PathValue("function"), r.URL.Query().Get("schedule"))
	answer(w, rec, err)
}

// serveRun is the proxy mode. Headers say who answered and how many tries it
// took.
func (c *Controller) serveRun(w http.ResponseWriter, r *http.Request) {
	payload, err := body.Read(w, r, maxBody)
	if err != nil {
		answer(w, nil, err)
		return
	}
	reply, err := c.Invoke(r.Context(), r.PathValue("function"), payload)
	if n := len(reply.Tried); n > 0 {
		w.Header().Set("X-MPSC-Provider", reply.Tried[n-1].Provider)
		w.Header().Set("X-MPSC-Tries", strconv.Itoa(n))
	}
	if err != nil {
		answer(w, nil, err)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Write(reply.Payload)
}

// answer writes a value, or an error with the status that fits it.
func answer(w http.ResponseWriter, v any, err error) {
	if err != nil {
		refuse(w, statusOf(err), err.Error())
		return
	}
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(v)
}

func refuse(w http.ResponseWriter, status int, why string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(failure{why})
}

func statusOf(err error) int {
	var call *CallError
	if status, ok := body.Status(err); ok {
		return status
	}
	switch {
	case errors.Is(err, ErrBadPayload):
		return http.StatusBadRequest
	case errors.Is(err, ErrUnknownProvider), errors.Is(err, ErrUnknownSchedule):
		return http.StatusNotFound
	case errors.Is(err, ErrBadSchedule):
		return http.StatusUnprocessableEntity
	case errors.Is(err, ErrNoProvider), errors.Is(err, ErrNoSandbox):
		return http.StatusServiceUnavailable
	case errors.As(err, &call):
		return http.StatusBadGateway
	}
	return http.StatusInternalServerError
}
