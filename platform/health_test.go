package platform

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/lambdabench/lambdabench/runtime/isolation"
	"github.com/lambdabench/lambdabench/runtime/process"
)

// supervised is a backend whose helper processes the test breaks.
type supervised struct {
	isolation.Backend
	broken atomic.Bool
}

func (s *supervised) Health(context.Context) error {
	if s.broken.Load() {
		return errors.New("the root ended")
	}
	return nil
}

func (s *supervised) Helpers() []isolation.Helper {
	return []isolation.Helper{{Kind: "root", Lost: 2, Replaced: 1}}
}

func TestHealthzNamesWhatIsBroken(t *testing.T) {
	dir := dataDir(t)
	b := &supervised{Backend: process.New(process.Config{Dir: dir})}
	p := serveOn(t, Config{}, b, dir)
	get := func(path string) (int, string) {
		t.Helper()
		res, err := http.Get(p.url + path)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		body, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		return res.StatusCode, string(body)
	}
	if code, body := get("/healthz"); code != http.StatusOK || body != "ok\n" {
		t.Errorf("healthy: %d %q", code, body)
	}
	b.broken.Store(true)
	if code, body := get("/healthz"); code != http.StatusServiceUnavailable ||
		!strings.Contains(body, "process: the root ended") {
		t.Errorf("broken: %d %q", code, body)
	}
	b.broken.Store(false)
	if code, _ := get("/healthz"); code != http.StatusOK {
		t.Errorf("whole again: %d", code)
	}
	_, metrics := get("/metrics")
	for _, line := range []string{
		`lambdabench_helpers_lost_total{backend="process",kind="root"} 2`,
		`lambdabench_helpers_replaced_total{backend="process",kind="root"} 1`,
		"go_goroutines ", "process_resident_memory_bytes ",
	} {
		if !strings.Contains(metrics, line) {
			t.Errorf("/metrics lacks %s", line)
		}
	}
}

func TestProfilesAreServedOnlyWhenAskedFor(t *testing.T) {
	for asked, want := range map[bool]int{false: http.StatusNotFound, true: http.StatusOK} {
		dir := dataDir(t)
		p := serveOn(t, Config{Pprof: asked}, process.New(process.Config{Dir: dir}), dir)
		res, err := http.Get(p.url + "/debug/pprof/goroutine?debug=1")
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != want {
			t.Errorf("asked for %v: status %d, want %d", asked, res.StatusCode, want)
		}
	}
}
