package driver

import (
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/lambdabench/lambdabench/runtime/isolation"
)

// After the training runs the driver puts V8's flag back to its default, which it
// cannot ask for.
func TestTrainingRunsLeaveV8sDefault(t *testing.T) {
	in, err := isolation.FindInterpreter(t.Context(), string(isolation.NodeJS))
	if err != nil {
		t.Skip(err)
	}
	out := func(args ...string) string {
		t.Helper()
		b, err := exec.Command(in.Path, args...).Output()
		if err != nil {
			t.Fatal(err)
		}
		return strings.TrimSpace(string(b))
	}
	_, source, err := Source(isolation.NodeJS)
	if err != nil {
		t.Fatal(err)
	}
	version := out("-p", "process.versions.v8")
	major, _, _ := strings.Cut(version, ".")
	m := regexp.MustCompile(`(?m)^  ` + major + `: \['([a-z-]+)', \d+, (\d+)\],$`).FindStringSubmatch(string(source))
	if m == nil {
		t.Fatalf("driver.cjs, TIERING: nothing for V8 %s of Node.js %s", version, in.Version)
	}
	if want := "default: --" + m[1] + "=" + m[2] + "\n"; !strings.Contains(out("--v8-options")+"\n", want) {
		t.Errorf("driver.cjs, TIERING: V8 %s does not have %q", version, want)
	}
}
