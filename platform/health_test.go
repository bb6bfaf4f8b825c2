package platform

import (
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/lambdabench/lambdabench/platform/gateway"
	"github.com/lambdabench/lambdabench/platform/lambdatest"
	"github.com/lambdabench/lambdabench/platform/sqlite/sqlitetest"
	"github.com/lambdabench/lambdabench/platform/store"
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

// get reads a page of the platform.
func (r *running) get(t testing.TB, path string) (status int, text string) {
	t.Helper()
	res, err := http.Get(r.url + path)
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

func TestHealthzNamesWhatIsBroken(t *testing.T) {
	dir := dataDir(t)
	b := &supervised{Backend: process.New(process.Config{Dir: dir})}
	p := serveOn(t, Config{}, b, dir)
	get := func(path string) (int, string) { return p.get(t, path) }
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

// The log of the database's changes is damaged while the platform is down. The platform starts
// all the same, and warns until the copy of what it could not read is removed.
func TestHealthzAndMetricsWarnOfAcknowledgedChangesThatMayBeLost(t *testing.T) {
	live, data := dataDir(t), dataDir(t)
	st, err := store.Open(live)
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	zip := lambdatest.Zip(t, "index.js", "exports.handler = async () => 1")
	for _, name := range []string{"first", "second", "third"} {
		fn := store.Function{Name: name, Runtime: "nodejs20.x", Handler: "index.handler"}
		if _, err := st.Of(gateway.Owner("")).Create(fn, zip); err != nil {
			t.Fatal(err)
		}
	}
	sqlitetest.DamagedCopy(t, live, data, "functions.db", 0.5)
	dir := dataDir(t)
	p := serveOn(t, Config{Data: data}, process.New(process.Config{Dir: dir}), dir)
	copies, err := filepath.Glob(filepath.Join(data, "damaged", "*"))
	if err != nil || len(copies) != 1 {
		t.Fatalf("copies %v, error %v", copies, err)
	}
	if code, body := p.get(t, "/healthz"); code != http.StatusOK || !strings.HasPrefix(body, "ok\nwarning: ") ||
		!strings.Contains(body, "remove "+copies[0]+"\n") {
		t.Errorf("with damaged data: %d %q", code, body)
	}
	if _, metrics := p.get(t, "/metrics"); !strings.Contains(metrics, `lambdabench_damaged_data{backend="process"} 1`) {
		t.Error("/metrics does not count the damaged data")
	}
	if err := os.RemoveAll(copies[0]); err != nil {
		t.Fatal(err)
	}
	if code, body := p.get(t, "/healthz"); code != http.StatusOK || body != "ok\n" {
		t.Errorf("after the copy was removed: %d %q", code, body)
	}
	if _, metrics := p.get(t, "/metrics"); !strings.Contains(metrics, `lambdabench_damaged_data{backend="process"} 0`) {
		t.Error("/metrics counts damaged data that is gone")
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
