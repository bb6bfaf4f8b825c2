package live

import (
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
)

// platform answers as a platform does, with so many hot calls of 0.4 ms each.
func platform(t *testing.T) (*httptest.Server, *atomic.Int64) {
	calls := new(atomic.Int64)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		n := calls.Load()
		fmt.Fprintf(w, `# TYPE lambdabench_invocations_total counter
lambdabench_invocations_total{backend="process",outcome="ok",path="hot",runtime="a"} %d
# TYPE lambdabench_invocation_seconds histogram
lambdabench_invocation_seconds_bucket{path="hot",runtime="a",le="0.0002"} 0
lambdabench_invocation_seconds_bucket{path="hot",runtime="a",le="0.0006"} %[1]d
lambdabench_invocation_seconds_bucket{path="hot",runtime="a",le="+Inf"} %[1]d
lambdabench_invocation_seconds_sum{path="hot",runtime="a"} 1
lambdabench_invocation_seconds_count{path="hot",runtime="a"} %[1]d
# TYPE lambdabench_sandboxes gauge
lambdabench_sandboxes{backend="process",state="idle"} 3
`, n)
	}))
	t.Cleanup(s.Close)
	return s, calls
}

func chartNamed(s State, title string) map[string]float64 {
	all := map[string]float64{}
	for _, c := range s.Figures.Charts {
		if c.Title != title {
			continue
		}
		for _, curve := range c.Curves {
			if v := curve.Values[len(curve.Values)-1]; v != nil {
				all[curve.Name] = *v
			}
		}
	}
	return all
}

func TestMetricsBecomeRatesAndLatencies(t *testing.T) {
	server, calls := platform(t)
	m, err := OpenMetrics(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	if s := look(t, m); len(s.Figures.Charts) != 0 || !strings.Contains(fmt.Sprint(s.Facts), "sandboxes idle 3") {
		t.Errorf("the first look: %+v", s)
	}
	first := m.before.at
	calls.Store(1000)
	s := look(t, m)
	want := 1000 / m.before.at.Sub(first).Seconds()
	if got := chartNamed(s, "calls by path")["hot"]; math.Abs(got-want) > 1e-6*want {
		t.Errorf("%g calls a second, want %g", got, want)
	}
	if got := chartNamed(s, "latency by path, median")["hot"]; math.Abs(got-0.4) > 1e-9 {
		t.Errorf("median %g ms, want 0.4", got)
	}
	calls.Store(10) // the platform was started again
	s = look(t, m)
	if got := chartNamed(s, "calls by path")["hot"]; got != 0 {
		t.Errorf("%g calls a second after a restart", got)
	}
	if got := chartNamed(s, "latency by path, median"); len(got) != 0 {
		t.Errorf("a latency of no call: %v", got)
	}
}

func TestAPlatformThatIsGoneEndsThePage(t *testing.T) {
	server, _ := platform(t)
	m, err := OpenMetrics(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	look(t, m)
	server.Close()
	for range maxMisses - 1 {
		if s := look(t, m); s.Ended != "" || len(s.Errors) != 1 {
			t.Fatalf("after a miss: %+v", s)
		}
	}
	if s := look(t, m); s.Ended == "" {
		t.Error("a platform that is gone is still watched")
	}
}

func TestWhatIsNoPlatformIsRefused(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	m, err := OpenMetrics(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := m.Look(t.Context()); err == nil || !strings.Contains(err.Error(), "lambdabench serve") {
		t.Errorf("error %v", err)
	}
}

func TestAChartKeepsABoundedPast(t *testing.T) {
	var h history
	tr := h.track("x", "")
	for i := range kept + 50 {
		values := map[string]float64{"old": float64(i)}
		if i > kept {
			values["new"] = 1
		}
		tr.add(values)
	}
	for name, v := range tr.values {
		if len(v) != kept {
			t.Errorf("%s has %d values, want %d", name, len(v), kept)
		}
	}
	if tr.values["new"][0] != nil {
		t.Error("a curve has a value from before it began")
	}
}
