package mpsc

import (
	_ "embed"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
)

//go:embed openapi.yaml
var openAPI []byte

// maxBody bounds a request, in bytes.
const maxBody = 6 << 20

// Handler is the REST API that openapi.yaml describes; it serves that file too.
func Handler(c *Controller) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /openapi.yaml", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/yaml")
		w.Write(openAPI)
	})
	mux.HandleFunc("GET /metrics/{function}", c.serveMetrics)
	mux.HandleFunc("POST /test/{function}", c.serveTest)
	mux.HandleFunc("GET /schedules", c.serveSchedules)
	mux.HandleFunc("PUT /schedules/{name}", c.serveAddSchedule)
	mux.HandleFunc("POST /schedules/{name}/use", c.serveUse)
	mux.HandleFunc("GET /schedule/{function}", c.serveSchedule)
	mux.HandleFunc("POST /run/{function}", c.serveRun)
	return mux
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
	answer(w, map[string]any{"current": current, "schedules": c.Schedules()}, nil)
}

func (c *Controller) serveAddSchedule(w http.ResponseWriter, r *http.Request) {
	source, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxSchedule))
	if err == nil {
		err = c.AddSchedule(r.Context(), r.PathValue("name"), string(source))
	}
	answer(w, map[string]string{"added": r.PathValue("name")}, err)
}

func (c *Controller) serveUse(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("name")
	answer(w, map[string]string{"current": name}, c.Use(r.Context(), name))
}

func (c *Controller) serveSchedule(w http.ResponseWriter, r *http.Request) {
	rec, err := c.Recommend(r.Context(), r.PathValue("function"), r.URL.Query().Get("schedule"))
	answer(w, rec, err)
}

// serveRun is the proxy mode. Headers say who answered and how many tries it
// took.
func (c *Controller) serveRun(w http.ResponseWriter, r *http.Request) {
	payload, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
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
	status := http.StatusOK
	if err != nil {
		status = statusOf(err)
		v = map[string]string{"error": err.Error()}
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(v)
}

func statusOf(err error) int {
	var call *CallError
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return http.StatusRequestEntityTooLarge
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
