package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/lambdabench/lambdabench/runtime/isolation"
)

// providerThatTakes is a provider of type http, that answers with its name.
func providerThatTakes(t *testing.T, name string, d time.Duration) string {
	t.Helper()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		time.Sleep(d)
		fmt.Fprintf(w, "%q", name)
	}))
	t.Cleanup(srv.Close)
	return srv.URL
}

const twoProviders = `interval: -1s
latency: 1h
database: %s
functions: [hello]
providers:
  - {name: near, type: http, ApiHost: '%s', url: '{host}/{function}', Cost: 0.2}
  - {name: far, type: http, ApiHost: '%s', url: '{host}/{function}', Cost: 0.1}
`

// monitor is `lambdabench mpsc` while it runs.
type monitor struct {
	t   *testing.T
	url string
	cmd *exec.Cmd
	log fmt.Stringer
}

func monitoring(t *testing.T, config string) *monitor {
	t.Helper()
	url, cmd, log := listening(t, "mpsc", "--config", config, "--listen", "127.0.0.1:0", "--backend", "process")
	return &monitor{t, url, cmd, log}
}

// ask sends a request of "METHOD path" and decodes the answer's JSON.
func (m *monitor) ask(what, body string, answer any) *http.Response {
	m.t.Helper()
	method, path, _ := strings.Cut(what, " ")
	req, err := http.NewRequest(method, m.url+path, strings.NewReader(body))
	if err != nil {
		m.t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		m.t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err == nil {
		err = json.Unmarshal(text, answer)
	}
	if err != nil {
		m.t.Errorf("%s: %v in %s", what, err, text)
	}
	return res
}

func (m *monitor) recommends() string {
	m.t.Helper()
	var r struct{ Provider string }
	m.ask("GET /schedule/hello", "", &r)
	return r.Provider
}

// tested is how many tests of each provider the metrics are from.
func (m *monitor) tested() map[string]int {
	m.t.Helper()
	var all []struct {
		Provider string
		Tests    int
	}
	m.ask("GET /metrics/hello", "", &all)
	n := map[string]int{}
	for _, p := range all {
		n[p.Provider] = p.Tests
	}
	return n
}

func (m *monitor) interrupt() {
	m.t.Helper()
	m.cmd.Process.Signal(syscall.SIGINT)
	if err := m.cmd.Wait(); err != nil {
		m.t.Errorf("exit: %v, %s", err, m.log)
	}
}

func TestMPSCTestsRecommendsRunsAndRemembers(t *testing.T) {
	near, far := providerThatTakes(t, "near", 0), providerThatTakes(t, "far", 250*time.Millisecond)
	config := write(t, fmt.Sprintf(twoProviders, filepath.Join(t.TempDir(), "m.db"), near, far))
	m := monitoring(t, config)
	var tests []struct{ Provider, Class string }
	for range 3 {
		m.ask("POST /test/hello", "", &tests)
		if len(tests) != 2 || tests[0].Provider != "near" || tests[0].Class != "ok" || tests[1].Provider != "far" ||
			tests[1].Class != "ok" {
			t.Fatalf("tests: %+v", tests)
		}
	}
	m.ask("POST /test/hello?provider=far", "", &tests)
	if n := m.tested(); n["near"] != 3 || n["far"] != 4 {
		t.Errorf("tests in the metrics: %v", n)
	}
	if got := m.recommends(); got != "near" {
		t.Errorf("the fastest is said to be %q", got)
	}
	var said any
	m.ask("POST /schedules/cheapest/use", "", &said)
	if got := m.recommends(); got != "far" {
		t.Errorf("the cheapest is said to be %q", got)
	}
	if res := m.ask("POST /run/hello", "{}", &said); said != "far" || res.Header.Get("X-MPSC-Provider") != "far" ||
		res.Header.Get("X-MPSC-Tries") != "1" {
		t.Errorf("run: %v, %v", said, res.Header)
	}
	m.interrupt()

	m = monitoring(t, config)
	if got := m.recommends(); got != "far" {
		t.Errorf("after a restart the schedule's choice is %q", got)
	}
	if n := m.tested(); n["near"] != 3 || n["far"] != 5 { // the run is one
		t.Errorf("after a restart, tests in the metrics: %v", n)
	}
	m.ask("POST /test/hello", "", &tests)
	m.cmd.Process.Kill()
	m.cmd.Wait()
	m = monitoring(t, config)
	if n := m.tested(); n["near"] != 4 || n["far"] != 6 {
		t.Errorf("after a kill, tests in the metrics: %v", n)
	}
	m.interrupt()
}

const farthest = `from mpsc import ComputeBaseClass

class Farthest(ComputeBaseClass):
    def schedule(self, providers):
        return max(providers, key=lambda p: p.mean_ms).name
`

func TestMPSCRunsUploadedSchedulesAlsoAfterAKill(t *testing.T) {
	if _, err := isolation.FindInterpreter(t.Context(), "python"); err != nil {
		t.Skip(err)
	}
	near, far := providerThatTakes(t, "near", 0), providerThatTakes(t, "far", 250*time.Millisecond)
	config := write(t, fmt.Sprintf(twoProviders, filepath.Join(t.TempDir(), "m.db"), near, far))
	m := monitoring(t, config)
	var said any
	m.ask("POST /test/hello", "", &said)
	for _, what := range []string{"PUT /schedules/farthest", "POST /schedules/farthest/use"} {
		if res := m.ask(what, farthest, &said); res.StatusCode != http.StatusOK {
			t.Fatalf("%s: %v", what, said)
		}
	}
	if got := m.recommends(); got != "far" {
		t.Errorf("the schedule's choice is %q", got)
	}
	if res := m.ask("PUT /schedules/farthest", strings.Replace(farthest, "max", "maximum", 1),
		&said); res.StatusCode != http.StatusUnprocessableEntity ||
		!strings.Contains(fmt.Sprint(said), "maximum") {
		t.Errorf("a schedule that throws: %s, %v", res.Status, said)
	}
	m.cmd.Process.Kill()
	m.cmd.Wait()
	m = monitoring(t, config)
	if got := m.recommends(); got != "far" {
		t.Errorf("after a kill the schedule's choice is %q", got)
	}
	m.interrupt()
}

func TestMPSCRefusesWrongUse(t *testing.T) {
	good := fmt.Sprintf(twoProviders, filepath.Join(t.TempDir(), "m.db"), "http://127.0.0.1:1", "http://127.0.0.1:1")
	changed := func(old, replacement string) []string {
		return []string{"--config", write(t, strings.Replace(good, old, replacement, 1)), "--listen", "127.0.0.1:0"}
	}
	for name, c := range map[string]struct {
		args []string
		says string
		code int
	}{
		"no configuration":      {nil, "--config", exitUsage},
		"none that is there":    {[]string{"--config", "no/such.yaml"}, "no/such.yaml", exitUsage},
		"a key that is unknown": {changed("latency:", "latencies:"), "line 2: field latencies not found", exitUsage},
		"a value that is wrong": {changed("type: http", "type: gcp"), `type "gcp" is not aws, openwhisk or http`,
			exitUsage},
		"a time without a unit": {changed("latency: 1h", "latency: soon"), "soon", exitUsage},
		"an unknown schedule": {append(changed("latency: 1h", "schedule: luckiest"), "--backend", "process"),
			`"luckiest"`, exitUsage},
		"an unknown backend": {append(changed("x", "x"), "--backend", "vax"), "vax", exitUsage},
		"missing credentials": {changed("type: http, ApiHost: 'http://127.0.0.1:1', url: '{host}/{function}'",
			"type: aws, ApiHost: 'http://127.0.0.1:1', credentials: NOSUCH"), "NOSUCH_ACCESS_KEY_ID", exitUsage},
		"an argument": {[]string{"extra"}, "extra", exitUsage},
		"no database can be": {append(changed(filepath.Dir(databaseOf(good)), "/nonexistent"), "--backend",
			"process"), "/nonexistent", exitFailed},
		"an address that is bad": {append(changed("x", "x"), "--backend", "process", "--listen", "127.0.0.1:99999"),
			"99999", exitFailed},
	} {
		code, stdout, stderr := command(t, append([]string{"mpsc"}, c.args...)...)
		if code != c.code || !strings.Contains(stderr, c.says) || stdout != "" {
			t.Errorf("%s: exit code %d, want %d, with %q in:\n%s%s", name, code, c.code, c.says, stdout, stderr)
		}
	}
}

// databaseOf is the path in a configuration.
func databaseOf(config string) string {
	_, rest, _ := strings.Cut(config, "database: ")
	path, _, _ := strings.Cut(rest, "\n")
	return path
}
