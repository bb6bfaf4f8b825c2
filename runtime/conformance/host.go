package conformance

import (
	"context"
	"os/exec"
	"testing"

	"github.com/lambdabench/lambdabench/runtime"
)

// host compares what a function finds of the system around it (libraries, time zones, certificate authorities, the parts
// of the language runtime that lie in files of their own) with what the same code finds on the host.
func (s *suite) host(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	script := []string{"-e", `require(process.argv[1] + '/host.js').handler().then((v) => process.stdout.write(JSON.stringify(v)))`}
	if !s.node() {
		script = []string{"-I", "-c", "import json,sys;sys.path.insert(0,sys.argv[1]);import host;print(json.dumps(host.handler(None,None)),end='')"}
	}
	cmd := exec.CommandContext(ctx, s.in.Path, append(script, s.packages)...)
	cmd.Env = []string{"PATH=/usr/local/bin:/usr/bin:/bin", "LANG=C.UTF-8"}
	want, err := cmd.Output()
	if err != nil {
		t.Fatalf("run the function on the host: %v", err)
	}
	res := invoke(t, s.load(t, s.function("host.handler")), `{}`)
	if res.Outcome != runtime.OK || string(res.Payload) != string(want) {
		t.Errorf("outcome %s, error %v, logs %.500s\nfound in a sandbox %s\nfound on the host    %s",
			res.Outcome, res.Error, res.Logs, res.Payload, want)
	}
}
