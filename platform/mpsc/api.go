package mpsc

import (
	_ "embed"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"strings"

	"github.com/lambdabench/lambdabench/platform/body"
	"github.com/lambdabench/lambdabench/platform/door"
	"github.com/lambdabench/lambdabench/platform/origin"
)

//go:embed openapi.yaml
var openAPI []byte

// maxBody bounds a request, in bytes.
const maxBody = 6 << 20

// Handler is the REST API that openapi.yaml describes; it serves that file too.
func Handler(c *Controller) http.Handler {
	// An error of a provider or a schedule is its client's to read, and not logged.
	routes := door.NewRoutes(slog.New(slog.DiscardHandler), refusal)
	methods := map[string][]string{} // by path
	for pattern, serve := range c.routes() {
		routes.Handle(pattern, serve)
		method, path, _ := strings.Cut(pattern, " ")
		methods[path] = append(methods[path], method)
	}
	for path, allowed := range methods {
		routes.Handle(path, func(w http.ResponseWriter, r *http.Request) error {
			all := strings.Join(allowed, ", ")
			w.Header().Set("Allow", all)
			door.WriteJSON(w, http.StatusMethodNotAllowed,
				failure{fmt.Sprintf("%s takes %s, not %s", r.URL.Path, all, r.Method)})
			return nil
		})
	}
	routes.Handle("/", func(w http.ResponseWriter, r *http.Request) error {
		door.WriteJSON(w, http.StatusNotFound,
			failure{r.URL.Path + ": there is no such path; /openapi.yaml has those that there are"})
		return nil
	})
	return body.Timed(origin.Guard(body.Bounded(routes, body.NewBudget(0)), c.cfg.Hosts), c.bodyTime)
}

func (c *Controller) routes() map[string]func(http.ResponseWriter, *http.Request) error {
	return map[string]func(http.ResponseWriter, *http.Request) error{
		"GET /openapi.yaml":          serveOpenAPI,
		"GET /metrics/{function}":    door.JSON(http.StatusOK, c.serveMetrics),
		"POST /test/{function}":      door.JSON(http.StatusOK, c.serveTest),
		"GET /schedules":             door.JSON(http.StatusOK, c.serveSchedules),
		"PUT /schedules/{name}":      door.JSON(http.StatusOK, c.serveAddSchedule),
		"POST /schedules/{name}/use": door.JSON(http.StatusOK, c.serveUse),
		"GET /schedule/{function}":   door.JSON(http.StatusOK, c.serveSchedule),
		"POST /run/{function}":       c.serveRun,
	}
}

// Bodies of the REST API.
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

func serveOpenAPI(w http.ResponseWriter, _ *http.Request) error {
	w.Header().Set("Content-Type", "application/yaml")
	w.Write(openAPI)
	return nil
}

func (c *Controller) serveMetrics(_ http.ResponseWriter, r *http.Request) (any, error) {
	return c.Metrics(r.Context(), r.PathValue("function"))
}

// serveTest tests one provider, or all of them one after the other.
func (c *Controller) serveTest(_ http.ResponseWriter, r *http.Request) (any, error) {
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
			return nil, err
		}
		tests = append(tests, t)
	}
	return tests, nil
}

func (c *Controller) serveSchedules(http.ResponseWriter, *http.Request) (any, error) {
	c.mu.RLock()
	current := c.current
	c.mu.RUnlock()
	return scheduleList{current, c.Schedules()}, nil
}

func (c *Controller) serveAddSchedule(w http.ResponseWriter, r *http.Request) (any, error) {
	source, err := body.Read(w, r, maxSchedule)
	if err == nil {
		err = c.AddSchedule(r.Context(), r.PathValue("name"), string(source))
	}
	return addedSchedule{r.PathValue("name")}, err
}

func (c *Controller) serveUse(_ http.ResponseWriter, r *http.Request) (any, error) {
	name := r.PathValue("name")
	return usedSchedule{name}, c.Use(r.Context(), name)
}

func (c *Controller) serveSchedule(_ http.ResponseWriter, r *http.Request) (any, error) {
	return c.Recommend(r.Context(), r.PathValue("function"), r.URL.Query().Get("schedule"))
}

// serveRun is the proxy mode. Headers name the provider that answered and the number
// of tries.
func (c *Controller) serveRun(w http.ResponseWriter, r *http.Request) error {
	payload, err := body.Read(w, r, maxBody)
	if err != nil {
		return err
	}
	reply, err := c.Invoke(r.Context(), r.PathValue("function"), payload)
	if n := len(reply.Tried); n > 0 {
		w.Header().Set("X-MPSC-Provider", reply.Tried[n-1].Provider)
		w.Header().Set("X-MPSC-Tries", strconv.Itoa(n))
	}
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	w.Write(reply.Payload)
	return nil
}

// refusal is an error with the status that fits it.
func refusal(err error) door.Refusal {
	return door.Refusal{Status: statusOf(err), Body: failure{err.Error()}}
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
