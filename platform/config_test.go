package platform

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"gopkg.in/yaml.v3"

	"github.com/lambdabench/lambdabench/platform/dispatch"
)

func read(t *testing.T, text string) (Config, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "platform.yaml")
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return ReadConfig(path)
}

func TestWrongConfigurationIsRefusedByLineOrName(t *testing.T) {
	for text, says := range map[string]string{
		"data: x\ncolour: red\n":                    "line 2: field colour not found",
		"worker:\n  stem_cell: 1\n":                 "line 2: field stem_cell not found",
		"events: many\n":                            "line 1",
		"data: x\nworker:\n  memory: lots\n":        "line 3",
		"grace: soon\n":                             "line 1",
		"grace: 10\n":                               "line 1",
		"events: -1\n":                              "events",
		"grace: -1s\n":                              "grace",
		"worker:\n  memory_per_cpu: half\n":         "line 2",
		"worker:\n  stem_cells: -1\n":               "stem_cells is -1",
		"worker:\n  capture: never\n":               `capture is "never"`,
		"dispatch:\n  concurrency: -5\n":            "concurrency is -5",
		"dispatch:\n  queue: 5\n  no_queue: true\n": "exclude each other",
		"data: x\n---\ndata: y\n":                   "one document",
		"data: [\n":                                 "line",
		"- data\n":                                  "line 1",
		"region: US East\n":                         "region",
		"hosts: [http://lambda.example:80]\n":       "leave scheme, port and path out",
		"account: 12\n":                             "account",
		"openwhisk:\n  in_flight: -1\n":             "openwhisk: in_flight",
		"openwhisk:\n  namespaces: {guest: key}\n":  "key of namespace guest",
	} {
		_, err := read(t, text)
		if err == nil || !strings.Contains(err.Error(), says) || !strings.Contains(err.Error(), "platform.yaml") {
			t.Errorf("%q: %v", text, err)
		}
	}
	if _, err := ReadConfig("no/such.yaml"); err == nil || !strings.Contains(err.Error(), "no/such.yaml") {
		t.Errorf("%v", err)
	}
	if c, err := read(t, "worker:\n  runtime_snapshots:\n    prepare: []\n"); err != nil ||
		len(c.Worker.Runtimes.Prepare) != 0 {
		t.Errorf("%v, %v", c.Worker.Runtimes.Prepare, err)
	}
	for _, text := range []string{"", "# nothing\n", "data: x\n"} {
		if _, err := read(t, text); err != nil {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// TestDocumentedConfigurationIsTheDefault holds configs/platform.yaml to what
// a platform does without it.
func TestDocumentedConfigurationIsTheDefault(t *testing.T) {
	const path = "../configs/platform.yaml"
	said, err := ReadConfig(path)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := said, Default(); got.Data != want.Data || got.Region != want.Region ||
		got.Account != want.Account || got.Events != want.Events || got.Grace != want.Grace {
		t.Errorf("documented %+v\ndefault %+v", got, want)
	}
	if d := said.Dispatch; d != (dispatch.Config{Concurrency: 1000, Queue: 1000, Wait: 5 * time.Minute, Runnable: 8}) {
		t.Errorf("%+v", d)
	}
	sw, dw := said.Worker.Resolved(nil), Default().Worker.Resolved(nil)
	sw.Runtimes, sw.Log, dw.Log = dw.Runtimes, nil, nil
	// follow the memory that is free right now
	sw.Idle, sw.Functions, sw.Sandboxes = dw.Idle, dw.Functions, dw.Sandboxes
	if sg, dg := text(t, sw), text(t, dw); sg != dg {
		t.Errorf("documented\n%s\ndefault\n%s", sg, dg)
	}
}

func text(t *testing.T, v any) string {
	t.Helper()
	b, err := yaml.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestEveryKeyIsDocumented finds each key of Config in configs/platform.yaml.
func TestEveryKeyIsDocumented(t *testing.T) {
	file, err := os.ReadFile("../configs/platform.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile(`(?m)^\s*([a-z_]+):`).FindAllStringSubmatch(text(t, Config{}), -1) {
		if !regexp.MustCompile(`(?m)^[\s#]*` + m[1] + `:`).Match(file) {
			t.Errorf("%s is not in configs/platform.yaml", m[1])
		}
	}
}
