package openwhisk_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/lambdabench/lambdabench/platform/door"
	"github.com/lambdabench/lambdabench/platform/lambdatest"
	"github.com/lambdabench/lambdabench/platform/openwhisk"
	"github.com/lambdabench/lambdabench/platform/store"
	"github.com/lambdabench/lambdabench/platform/worker"
	"github.com/lambdabench/lambdabench/runtime/isolation"
	"github.com/lambdabench/lambdabench/runtime/process"
	"github.com/lambdabench/lambdabench/runtime/runtimetest"
)

// childServe, in the environment, has the test binary serve the API from a
// directory instead of running tests, so that a test can kill it.
const childServe = "LAMBDABENCH_TEST_OPENWHISK"

func TestMain(m *testing.M) {
	if dir := os.Getenv(childServe); dir != "" {
		if err := serveChild(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	goleak.VerifyTestMain(m)
}

// deployment is the API over a worker on the process backend.
type deployment struct {
	api   *openwhisk.API
	close func() error
}

func deploy(dir string, settings openwhisk.Settings) (*deployment, error) {
	interpreters := isolation.Interpreters(context.Background())
	b := process.New(process.Config{})
	w, err := worker.New(worker.Config{}, b, interpreters)
	if err != nil {
		return nil, err
	}
	st, err := store.Open(dir)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, in := range interpreters {
		names = append(names, in.Runtime)
	}
	api, err := openwhisk.Open(openwhisk.Config{Settings: settings, Dir: dir, Runtimes: names,
		Hooks: door.Hooks{Forget: w.Forget}}, st, w)
	if err != nil {
		return nil, err
	}
	return &deployment{api, func() error {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		for _, c := range []func() error{func() error { return api.Close(ctx) }, w.Close, st.Close, b.Close} {
			if err := c(); err != nil {
				return err
			}
		}
		return nil
	}}, nil
}

func serve(t *testing.T, settings openwhisk.Settings) *client {
	t.Helper()
	languages := map[isolation.Language]bool{}
	for _, in := range isolation.Interpreters(t.Context()) {
		languages[in.Language] = true
	}
	if len(languages) < 2 {
		t.Skip("needs Node.js 18+ and CPython 3.11+; apt-get install nodejs python3")
	}
	d, err := deploy(t.TempDir(), settings)
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(d.api)
	t.Cleanup(func() {
		srv.Close()
		if err := d.close(); err != nil {
			t.Error(err)
		}
	})
	return &client{t, srv.URL, openwhisk.GuestKey}
}

type client struct {
	t         *testing.T
	base, key string
}

// do sends a request and decodes the answer.
func (c *client) do(method, path string, body any) (int, map[string]any) {
	c.t.Helper()
	status, raw := c.raw(method, path, body)
	var m map[string]any
	json.Unmarshal(raw, &m)
	return status, m
}

func (c *client) raw(method, path string, body any) (int, []byte) {
	c.t.Helper()
	var in io.Reader
	if s, ok := body.(string); ok {
		in = strings.NewReader(s)
	} else if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			c.t.Fatal(err)
		}
		in = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(c.t.Context(), method, c.base+"/api/v1/namespaces"+path, in)
	if err != nil {
		c.t.Fatal(err)
	}
	if user, password, ok := strings.Cut(c.key, ":"); ok {
		req.SetBasicAuth(user, password)
	}
	req.Close = true
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		c.t.Fatal(err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	return resp.StatusCode, raw
}

func (c *client) want(status int, method, path string, body any) map[string]any {
	c.t.Helper()
	got, m := c.do(method, path, body)
	if got != status {
		c.t.Fatalf("%s %s: status %d (%v), want %d", method, path, got, m, status)
	}
	if _, code := m["code"].(string); status >= 400 && status != http.StatusBadGateway && (!code || m["error"] == nil) {
		c.t.Fatalf("%s %s: %v is not OpenWhisk's error body", method, path, m)
	}
	return m
}

func (c *client) put(name, kind, code string, more map[string]any) {
	c.t.Helper()
	body := map[string]any{"exec": map[string]any{"kind": kind, "code": code}}
	for k, v := range more {
		body[k] = v
	}
	c.want(200, "PUT", "/_/actions/"+name+"?overwrite=true", body)
}

func kv(pairs ...string) []map[string]string {
	var all []map[string]string
	for i := 0; i < len(pairs); i += 2 {
		all = append(all, map[string]string{"key": pairs[i], "value": pairs[i+1]})
	}
	return all
}

func zipped(t *testing.T, files ...string) string {
	return base64.StdEncoding.EncodeToString(lambdatest.Zip(t, files...))
}

func TestMainOfEveryShapeRunsAndItsErrorsAreOpenWhisks(t *testing.T) {
	c := serve(t, openwhisk.Settings{})
	for i, f := range []struct {
		kind, code, main string
		status           int
		want             string // part of the result
	}{
		{"nodejs:20", `function main(p) { return {hi: p.name} }`, "", 200, `{"hi":"ada"}`},
		{"nodejs:default", `exports.main = async (p) => ({hi: p.name})`, "", 200, `{"hi":"ada"}`},
		{"nodejs:20", `const f = (p) => ({env: process.env.__OW_ACTION_NAME})`, "f", 200, `"/guest/a`},
		{"nodejs:20", `function main() {}`, "", 200, `{}`},
		{"nodejs:20", `function main() { return [1, 2] }`, "", 200, `[1,2]`},
		{"nodejs:20", `function main() { return {error: 'mine'} }`, "", 502, `"mine"`},
		{"nodejs:20", `function main() { return Promise.reject(new Error('later')) }`, "", 502, `{"error":"later"}`},
		{"nodejs:20", `function main() { throw new Error('now') }`, "", 502, `An error has occurred: Error: now`},
		{"nodejs:20", `function main() { return 'text' }`, "", 502, `did not return a dictionary`},
		{"nodejs:20", `function main( {`, "", 502, `Initialization has failed`},
		{"nodejs:20", `const x = 1`, "", 502, `'main' is not a function`},
		{"nodejs:20", `function main() { process.exit(3) }`, "", 502, `did not produce a valid response`},
		{"nodejs:20", `function main() { return {a: 'x'.repeat(1 << 20)} }`, "", 502, `exceeded the allowed length`},
		{"python:3", "def main(args):\n    return {'hi': args['name']}", "", 200, `"ada"`},
		{"python:3.11", "def main(args):\n    raise ValueError('no')", "", 502, `{"error": "no"}`},
		{"python:3", "def main(args):\n    return 7", "", 502, `did not return a dictionary`},
		{"python:3", "def main(args):", "", 502, `Initialization has failed`},
		{"nodejs:20", zipped(t, "package.json", `{"main": "lib/x.js"}`, "lib/x.js",
			`exports.main = () => ({zip: require('./y')})`, "lib/y.js", `module.exports = 5`), "", 200, `{"zip":5}`},
		{"nodejs:20", zipped(t, "package.json", `{"type": "module", "main": "index.js"}`, "index.js",
			`export function main() { return {esm: true} }`), "", 200, `{"esm":true}`},
		{"python:3", zipped(t, "__main__.py", "import other\ndef main(args):\n    return {'zip': other.N}", "other.py",
			"N = 6"), "", 200, `6`},
		{"python:3", zipped(t, "x.py", ""), "", 502, `__main__.py`},
	} {
		name := fmt.Sprintf("a%d", i)
		exec := map[string]any{"kind": f.kind, "code": f.code}
		if f.main != "" {
			exec["main"] = f.main
		}
		c.want(200, "PUT", "/_/actions/"+name, map[string]any{"exec": exec})
		status, raw := c.raw("POST", "/_/actions/"+name+"?blocking=true&result=true", map[string]string{"name": "ada"})
		if status != f.status || !strings.Contains(string(raw), f.want) {
			t.Errorf("%s: status %d, %.300s; want %d, %s", f.code, status, raw, f.status, f.want)
		}
	}
}

func TestRequestsAreRefusedInOpenWhisksWords(t *testing.T) {
	c := serve(t, openwhisk.Settings{Namespaces: map[string]string{"guest": openwhisk.GuestKey, "other": "u:k"}})
	c.put("there", "nodejs:20", "function main() {}", nil)
	exec := map[string]any{"exec": map[string]any{"kind": "nodejs:20", "code": "function main() {}"}}
	for _, f := range []struct {
		status       int
		method, path string
		body         any
	}{
		{409, "PUT", "/_/actions/there", exec},
		{404, "GET", "/_/actions/missing", nil},
		{404, "DELETE", "/_/actions/missing", nil},
		{404, "POST", "/_/actions/missing", "{}"},
		{404, "PUT", "/_/actions/nopackage/a", exec},
		{404, "GET", "/_/packages/missing", nil},
		{404, "GET", "/_/activations/00000000000000000000000000000000", nil},
		{404, "GET", "/_/nothing", nil},
		{403, "GET", "/other/actions", nil},
		{400, "PUT", "/_/actions/none", "{}"},
		{400, "PUT", "/_/actions/none", "{"},
		{400, "PUT", "/_/actions/bad%2Fname", exec},
		{400, "PUT", "/_/actions/cobol", map[string]any{"exec": map[string]any{"kind": "cobol:1", "code": "x"}}},
		{400, "PUT", "/_/actions/slow", map[string]any{"exec": exec["exec"], "limits": map[string]int{"timeout": 1}}},
		{400, "PUT", "/_/actions/zip", map[string]any{"exec": map[string]any{"kind": "nodejs:20", "code": "UEsDBAAA",
			"binary": true}}},
		{400, "PUT", "/_/actions/zip", map[string]any{"exec": map[string]any{"kind": "nodejs:20",
			"code": zipped(t, "../out", ""), "binary": true}}},
		{400, "POST", "/_/actions/there", "[1]"},
		{413, "POST", "/_/actions/there", `{"a":"` + strings.Repeat("x", 1<<20) + `"}`},
		{400, "GET", "/_/actions?limit=201", nil},
		{400, "GET", "/_/activations?since=yesterday", nil},
	} {
		c.want(f.status, f.method, f.path, f.body)
	}
	for _, key := range []string{"", "a:b", "u:", openwhisk.GuestKey + "x"} {
		wrong := client{t, c.base, key}
		if m := wrong.want(401, "GET", "/_/actions", nil); strings.Contains(fmt.Sprint(m), openwhisk.GuestKey[:8]) {
			t.Error("the key is in the answer")
		}
	}
	other := client{t, c.base, "u:k"}
	if status, raw := other.raw("GET", "/_/actions", nil); status != 200 || strings.TrimSpace(string(raw)) != "[]" {
		t.Errorf("another namespace sees %d %s", status, raw)
	}
}

func TestParametersOfPackageActionAndCallAreMerged(t *testing.T) {
	c := serve(t, openwhisk.Settings{})
	c.want(200, "PUT", "/_/packages/p", map[string]any{"parameters": kv("a", "package", "b", "package", "c",
		"package")})
	c.put("p/echo", "nodejs:20", "function main(p) { return p }",
		map[string]any{"parameters": kv("b", "action", "c", "action"), "annotations": kv("why", "test")})
	c.want(200, "PUT", "/_/packages/bound", map[string]any{"binding": map[string]string{"namespace": "_", "name": "p"},
		"parameters": kv("a", "binding")})
	for path, a := range map[string]string{"p": "package", "bound": "binding"} {
		got := c.want(200, "POST", "/_/actions/"+path+"/echo?blocking=true&result=true", map[string]string{"c": "call"})
		if want := map[string]any{"a": a, "b": "action", "c": "call"}; fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s: %v, want %v", path, got, want)
		}
	}
	full := c.want(200, "GET", "/_/packages/bound", nil)
	if n := len(full["actions"].([]any)); n != 1 {
		t.Errorf("the binding shows %d actions", n)
	}
	c.want(409, "DELETE", "/_/packages/p", nil)
	c.want(409, "PUT", "/_/actions/bound/x", map[string]any{"exec": map[string]any{"kind": "nodejs:20", "code": "x"}})
	first := c.want(200, "GET", "/_/actions/p/echo?code=false", nil)
	if first["version"] != "0.0.1" || first["namespace"] != "guest/p" ||
		strings.Contains(fmt.Sprint(first["exec"]), "code") {
		t.Errorf("%v", first)
	}
	c.want(200, "PUT", "/_/actions/p/echo?overwrite=true", map[string]any{"limits": map[string]int{"memory": 128}})
	second := c.want(200, "GET", "/_/actions/p/echo", nil)
	if second["version"] != "0.0.2" || !strings.Contains(fmt.Sprint(second["exec"]), "return p") ||
		fmt.Sprint(second["limits"]) != "map[concurrency:1 logs:10 memory:128 timeout:60000]" {
		t.Errorf("%v", second)
	}
	c.want(200, "DELETE", "/_/actions/p/echo", nil)
	c.want(200, "DELETE", "/_/packages/bound", nil)
	c.want(200, "DELETE", "/_/packages/p", nil)
}

func TestActivationsAreFoundWithResultAndLogs(t *testing.T) {
	c := serve(t, openwhisk.Settings{Activations: 20})
	c.put("talk", "nodejs:20", "function main(p) { console.log('out', p.n); console.error('bad'); return {n: p.n} }",
		nil)
	c.put("nap", "nodejs:20",
		"async function main(p) { await new Promise(r => setTimeout(r, p.ms)); return {slept: p.ms} }",
		map[string]any{"limits": map[string]int{"timeout": 700}})
	whole := c.want(200, "POST", "/_/actions/talk?blocking=true", map[string]int{"n": 1})
	id := whole["activationId"].(string)
	got := c.want(200, "GET", "/_/activations/"+id, nil)
	if fmt.Sprint(got["response"]) != "map[result:map[n:1] size:7 status:success success:true]" {
		t.Errorf("%v", got["response"])
	}
	logs := fmt.Sprint(c.want(200, "GET", "/_/activations/"+id+"/logs", nil)["logs"])
	if !strings.Contains(logs, "Z stdout: out 1") || !strings.Contains(logs, "Z stderr: bad") {
		t.Errorf("logs %s", logs)
	}
	late := c.want(202, "POST", "/_/actions/nap?blocking=true&timeout=20",
		map[string]int{"ms": 200})["activationId"].(string)
	c.want(404, "GET", "/_/activations/"+late, nil) // still running
	dead := c.want(202, "POST", "/_/actions/nap", map[string]int{"ms": 5000})["activationId"].(string)
	if r := fmt.Sprint(c.wait(late)["result"]); r != "map[slept:200]" {
		t.Errorf("result %s", r)
	}
	if r := c.wait(dead); r["status"] != "action developer error" ||
		!strings.Contains(fmt.Sprint(r), "time limits of 700 milliseconds") {
		t.Errorf("result %v", r)
	}
	for n := range 40 {
		c.want(200, "POST", "/_/actions/talk?blocking=true", map[string]int{"n": n})
	}
	if n := c.want(200, "GET", "/_/activations?count=true", nil)["activations"].(float64); n > 20 || n < 15 {
		t.Errorf("%v activations are kept, the bound is 20", n)
	}
	c.want(404, "GET", "/_/activations/"+id, nil) // the oldest went
	_, raw := c.raw("GET", "/_/activations?name=talk&limit=3&docs=true", nil)
	var newest []openwhisk.Activation
	if err := json.Unmarshal(raw, &newest); err != nil || len(newest) != 3 ||
		string(newest[0].Response.Result) != `{"n":39}` {
		t.Errorf("%v, %.300s", err, raw)
	}
}

// wait polls for the result of an activation, as clients do.
func (c *client) wait(id string) (result map[string]any) {
	c.t.Helper()
	runtimetest.Eventually(c.t, "activation "+id+" is found", func() bool {
		status, m := c.do("GET", "/_/activations/"+id+"/result", nil)
		result = m
		return status == 200
	})
	return result
}

func TestTooManyActivationsInFlightAreRefused(t *testing.T) {
	c := serve(t, openwhisk.Settings{InFlight: 2})
	c.put("nap", "nodejs:20", "async function main(p) { await new Promise(r => setTimeout(r, 400)) }", nil)
	ids := []string{}
	for range 2 {
		ids = append(ids, c.want(202, "POST", "/_/actions/nap", nil)["activationId"].(string))
	}
	c.want(429, "POST", "/_/actions/nap", nil)
	for _, id := range ids {
		c.wait(id)
	}
	c.want(202, "POST", "/_/actions/nap", nil)
}

func TestListsHaveLimitAndSkip(t *testing.T) {
	c := serve(t, openwhisk.Settings{})
	for i := range 5 {
		c.put(fmt.Sprintf("n%d", i), "nodejs:20", "function main() {}", nil)
	}
	var names []string
	for skip := range 3 {
		var page []struct{ Name string }
		_, raw := c.raw("GET", fmt.Sprintf("/_/actions?limit=2&skip=%d", 2*skip), nil)
		if err := json.Unmarshal(raw, &page); err != nil {
			t.Fatal(err)
		}
		for _, a := range page {
			names = append(names, a.Name)
		}
	}
	slices.Sort(names)
	if fmt.Sprint(names) != "[n0 n1 n2 n3 n4]" {
		t.Errorf("%v", names)
	}
}

func TestThePublicJavaScriptClientWorks(t *testing.T) {
	npm, err := exec.LookPath("npm")
	if err != nil {
		t.Skip("npm is not installed: ", err)
	}
	dir := t.TempDir()
	ctx, cancel := context.WithTimeout(t.Context(), 90*time.Second)
	defer cancel()
	install := exec.CommandContext(ctx, npm, "install", "--no-audit", "--no-fund", "--loglevel=error",
		"--fetch-retries=0", "openwhisk@3")
	install.Dir = dir
	install.Env = append(os.Environ(), "npm_config_cache="+filepath.Join(dir, "cache"))
	if out, err := install.CombinedOutput(); err != nil {
		t.Skipf("npm cannot install the client openwhisk: %v: %.400s", err, out)
	}
	c := serve(t, openwhisk.Settings{})
	script, err := os.ReadFile("testdata/client.js")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "client.js"), script, 0o644); err != nil {
		t.Fatal(err)
	}
	run := exec.CommandContext(ctx, "node", "client.js", c.base, c.key)
	run.Dir = dir
	if out, err := run.CombinedOutput(); err != nil || !strings.Contains(string(out), "SUCCESS") {
		t.Errorf("%v:\n%s", err, out)
	}
}
