package conformance

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"github.com/lambdabench/lambdabench/runtime/isolation"
)

// host compares what a function finds of the system around it (libraries, time zones,
// certificate authorities, the parts of the language runtime that lie in files of
// their own) with what the same code finds on the host.
func (s *suite) host(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	script := []string{"-e", `require(process.argv[1] + '/host.js').handler()
		.then((v) => process.stdout.write(JSON.stringify(v)))`}
	if !s.node() {
		script = []string{"-I", "-c", "import json, sys\nsys.path.insert(0, sys.argv[1])\nimport host\n" +
			"print(json.dumps(host.handler(None, None)), end='')"}
	}
	cmd := exec.CommandContext(ctx, s.in.Path, append(script, s.packages)...)
	cmd.Env = []string{"PATH=/usr/local/bin:/usr/bin:/bin", "LANG=C.UTF-8"}
	want, err := cmd.Output()
	if err != nil {
		t.Fatalf("run the function on the host: %v", err)
	}
	res := invoke(t, s.load(t, s.function("host.handler")), `{}`)
	if res.Outcome != isolation.OK || string(res.Payload) != string(want) {
		t.Errorf("outcome %s, error %v, logs %.500s\nfound in a sandbox %s\nfound on the host    %s",
			res.Outcome, res.Error, res.Logs, res.Payload, want)
	}
}

// libraries are shared objects that a package carries: ld.so finds them by name in the
// package and in its lib directory, as on AWS Lambda, and a package without that
// directory has none.
func (s *suite) libraries(t *testing.T) {
	all, _ := filepath.Glob("/lib/*-linux-gnu/libdl.so.2")
	if more, _ := filepath.Glob("/lib64/libdl.so.2"); len(all) == 0 {
		all = more
	}
	if len(all) == 0 {
		t.Skip("the host has no libdl.so.2, a small library, in /lib/*-linux-gnu or /lib64")
	}
	object, err := os.ReadFile(all[0])
	if err != nil {
		t.Fatal(err)
	}
	packages := unpackFunctions(t, s.in.Language)
	for _, name := range []string{"liblambdabenchroot.so", "lib/liblambdabench.so"} {
		if err := os.MkdirAll(filepath.Join(packages, filepath.Dir(name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(packages, name), object, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	with, without := s.function("libraries.handler"), s.function("libraries.handler")
	with.Package = packages
	for _, c := range []struct {
		fn   isolation.Function
		want []bool
	}{{with, []bool{true, true, true}}, {without, []bool{false, false, false}}} {
		got := mustSucceed[[]bool](t, invoke(t, s.load(t, c.fn), `{}`))
		if !slices.Equal(got, c.want) {
			t.Errorf("in the root, in lib, lib is there: %v, want %v", got, c.want)
		}
	}
}
