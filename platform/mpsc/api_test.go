package mpsc

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/lambdabench/lambdabench/platform/body/bodytest"
)

func TestAWebPageCannotRunFunctions(t *testing.T) {
	ran := false
	c := controller(t, config("a"), Options{Executors: map[string]Executor{"a": scripted(func(context.Context) ([]byte,
		error) {
		ran = true
		return []byte("1"), nil
	})}})
	w := httptest.NewRecorder()
	r := httptest.NewRequest(http.MethodPost, "/run/nop", strings.NewReader("{}"))
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	if Handler(c).ServeHTTP(w, r); w.Code != http.StatusForbidden || ran {
		t.Errorf("status %d, the function ran: %v", w.Code, ran)
	}
}

func TestAMisleadingHostRunsNothing(t *testing.T) {
	ran := false
	c := controller(t, config("a"), Options{Executors: map[string]Executor{"a": scripted(func(context.Context) ([]byte,
		error) {
		ran = true
		return []byte("1"), nil
	})}})
	srv := httptest.NewServer(Handler(c))
	defer srv.Close()
	for _, path := range []string{"/run/nop", "/test/nop", "/schedules/x", "/schedule/nop", "/openapi.yaml"} {
		for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodPut} {
			req, err := http.NewRequestWithContext(t.Context(), method, srv.URL+path, nil)
			if err != nil {
				t.Fatal(err)
			}
			req.Host = "evil.example:9100"
			res, err := srv.Client().Do(req)
			if err != nil {
				t.Fatal(err)
			}
			res.Body.Close()
			if res.StatusCode != http.StatusMisdirectedRequest || ran {
				t.Errorf("%s %s: status %d, the function ran: %v", method, path, res.StatusCode, ran)
			}
		}
	}
}

func TestRESTAPIAnswersAndExplains(t *testing.T) {
	cfg := config("a", "b")
	c := controller(t, cfg, Options{Executors: map[string]Executor{"a": takes(time.Millisecond),
		"b": fails(Throttled)}})
	srv := httptest.NewServer(Handler(c))
	defer srv.Close()
	call := func(method, path, body string) (int, string) {
		req, _ := http.NewRequest(method, srv.URL+path, strings.NewReader(body))
		resp, err := srv.Client().Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		out, _ := io.ReadAll(resp.Body)
		return resp.StatusCode, string(out)
	}
	for _, s := range []struct {
		method, path, body string
		status             int
		want               string
	}{
		{"GET", "/schedule/nop", "", 503, "no provider"},
		{"POST", "/test/nop", "", 200, `"class":"throttled"`},
		{"POST", "/test/nop?provider=zz", "", 404, "no such provider"},
		{"GET", "/metrics/nop", "", 200, `"errors":1`},
		{"GET", "/schedule/nop", "", 200, `"provider":"a"`},
		{"GET", "/schedule/nop?schedule=zz", "", 404, "no such schedule"},
		{"POST", "/run/nop", "{}", 200, `"done"`},
		{"POST", "/run/nop", "not json", 400, "not JSON"},
		{"POST", "/run/nop", "", 200, `"done"`},
		{"GET", "/test/nop", "", 405, "takes POST, not GET"},
		{"GET", "/schedul/nop", "", 404, "/openapi.yaml"},
		{"PUT", "/schedules/fastest", "x", 422, "built in"},
		{"PUT", "/schedules/mine", "x", 503, "no Python runtime"},
		{"PUT", "/schedules/mine", strings.Repeat("x", maxSchedule+1), 413, "too large"},
		{"POST", "/schedules/weighted/use", "", 200, "weighted"},
		{"POST", "/schedules/zz/use", "", 404, "no such schedule"},
		{"GET", "/schedules", "", 200, `"current":"weighted"`},
		{"GET", "/openapi.yaml", "", 200, "openapi: 3"},
	} {
		status, body := call(s.method, s.path, s.body)
		if status != s.status || !strings.Contains(body, s.want) {
			t.Errorf("%s %s: %d %s; want %d with %q", s.method, s.path, status, body, s.status, s.want)
		}
		if status >= 400 && !json.Valid([]byte(body)) {
			t.Errorf("%s %s: error is no JSON: %s", s.method, s.path, body)
		}
	}
}

func TestBodiesThatStallAreNotWaitedFor(t *testing.T) {
	c := controller(t, config("a"), Options{Executors: map[string]Executor{"a": takes(0)}})
	c.bodyTime = 50 * time.Millisecond
	srv := httptest.NewServer(Handler(c))
	defer srv.Close()
	for _, s := range []struct {
		method, path string
		status       int
		want         string
	}{
		{"POST", "/run/nop", 408, "body did not arrive in time"},
		{"PUT", "/schedules/mine", 408, "body did not arrive in time"},
		{"GET", "/schedules", 200, "weighted"}, // reads none
		{"POST", "/nowhere", 404, "/openapi.yaml"},
	} {
		status, answer := bodytest.Stall(t, srv.URL, s.method, s.path)
		if status != s.status || !strings.Contains(answer, s.want) {
			t.Errorf("%s %s: %d %s; want %d with %q", s.method, s.path, status, answer, s.status, s.want)
		}
	}
}
