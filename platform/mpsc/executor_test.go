package mpsc

import (
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lambdabench/lambdabench/runtime/runtimetest"
)

func TestEveryFailureOfAProviderHasItsClass(t *testing.T) {
	mux := http.NewServeMux()
	mux.HandleFunc("/ok", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, `{"a":1}`) })
	mux.HandleFunc("/liar", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, "<html>")
	})
	mux.HandleFunc("/busy", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(429) })
	mux.HandleFunc("/broken", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(503) })
	mux.HandleFunc("/slow", func(_ http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body) // only then does the server notice that the client is gone
		<-r.Context().Done()
	})
	mux.HandleFunc("/huge", func(w http.ResponseWriter, _ *http.Request) { w.Write(make([]byte, maxAnswer+10)) })
	mux.HandleFunc("/cut", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "100")
		io.WriteString(w, "{")
	})
	srv := httptest.NewServer(mux)
	defer srv.Close()
	e, err := NewExecutor(Provider{Name: "p", Type: TypeHTTP, APIHost: srv.URL, URL: "{host}/{function}"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for function, want := range map[string]Class{"ok": OK, "liar": Malformed, "busy": Throttled, "broken": ServerError,
		"slow": TimedOut,
		"huge": Malformed, "cut": Unreachable, "missing": Refused} {
		timeout := time.Minute
		if want == TimedOut {
			timeout = 300 * time.Millisecond
		}
		got, out := measure(t.Context(), e, timeout, function, []byte("{}"))
		if got.Class != want || (out != nil) != (want == OK) {
			t.Errorf("%s: class %s (%s), want %s", function, got.Class, got.Error, want)
		}
	}
	down, _ := NewExecutor(Provider{Name: "p", Type: TypeHTTP, APIHost: "http://127.0.0.1:1", URL: "{host}/{function}"},
		nil)
	if got, _ := measure(t.Context(), down, time.Minute, "x", nil); got.Class != Unreachable {
		t.Errorf("closed port: %+v", got)
	}
}

func TestAProviderWithoutItsCredentialsSaysWhatToSet(t *testing.T) {
	none := func(string) string { return "" }
	for kind, variable := range map[string]string{TypeAWS: "X_ACCESS_KEY_ID", TypeOpenWhisk: "X_AUTH",
		TypeHTTP: "X_TOKEN"} {
		_, err := NewExecutor(Provider{Name: "p", Type: kind, APIHost: "http://127.0.0.1:1", Credentials: "X"}, none)
		if !errors.Is(err, ErrNoCredentials) || !strings.Contains(err.Error(), variable) {
			t.Errorf("%s: %v", kind, err)
		}
	}
}

func TestCloseClosesTheConnectionsToProviders(t *testing.T) {
	var open atomic.Int32
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, "1")
	}))
	srv.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		switch s {
		case http.StateNew:
			open.Add(1)
		case http.StateClosed:
			open.Add(-1)
		}
	}
	srv.Start()
	defer srv.Close()
	cfg := config("a", "b", "c")
	cfg.Providers[1].Type, cfg.Providers[2].Type = TypeAWS, TypeOpenWhisk
	for i := range cfg.Providers {
		cfg.Providers[i].APIHost = srv.URL
	}
	c := controller(t, cfg, Options{Getenv: func(string) string { return "u:p" }})
	for _, p := range []string{"a", "b", "c"} {
		if got, err := c.Test(t.Context(), "nop", p); err != nil || got.Class != OK {
			t.Fatalf("%+v, %v", got, err)
		}
	}
	if open.Load() < 2 { // AWS's client closes some
		t.Fatalf("%d connections: they are not kept", open.Load())
	}
	c.Close()
	runtimetest.Eventually(t, "every connection is closed", func() bool { return open.Load() == 0 })
}

func TestOpenWhiskExecutorSpeaksTheRESTAPI(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, password, _ := r.BasicAuth()
		if user != "u" || password != "p" ||
			r.URL.RequestURI() != "/api/v1/namespaces/guest/actions/my%20package/nop%3F?blocking=true&result=true" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		io.Copy(w, r.Body)
	}))
	defer srv.Close()
	p := Provider{Name: "ow", Type: TypeOpenWhisk, APIHost: srv.URL, Namespace: "guest", Credentials: "X"}
	e, err := NewExecutor(p, func(string) string { return "u:p" })
	if err != nil {
		t.Fatal(err)
	}
	if out, err := e.Execute(t.Context(), "my package/nop?", []byte(`{"a":1}`)); err != nil ||
		string(out) != `{"a":1}` {
		t.Errorf("%s, %v", out, err)
	}
}
