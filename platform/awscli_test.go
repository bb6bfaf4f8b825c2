package platform

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lambdabench/lambdabench/platform/lambdatest"
	"github.com/lambdabench/lambdabench/runtime/isolation"
	"github.com/lambdabench/lambdabench/runtime/runtimetest"
)

// cliPatience bounds one command of the AWS CLI, which takes seconds to start.
const cliPatience = 3 * time.Minute

// awsCLI is the AWS CLI with a platform as its endpoint.
type awsCLI struct {
	url, dir string
}

// needAWSCLI skips unless version 2 is on the PATH: version 1 has no `logs tail`.
func needAWSCLI(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("the AWS CLI takes seconds a call")
	}
	path, err := exec.LookPath("aws")
	if err != nil {
		t.Skip("aws is not on the PATH: apt-get install awscli (Debian 12 or later has version 2)")
	}
	ctx, cancel := context.WithTimeout(t.Context(), cliPatience)
	defer cancel()
	if out, err := exec.CommandContext(ctx, path, "--version").CombinedOutput(); err != nil ||
		!strings.HasPrefix(string(out), "aws-cli/2.") {
		t.Skipf("%s --version says %q (%v), and `logs tail` is in version 2 alone: apt-get install awscli "+
			"(Debian 12 or later)", path, strings.TrimSpace(string(out)), err)
	}
}

func (c awsCLI) command(t *testing.T, args ...string) *exec.Cmd {
	ctx, cancel := context.WithTimeout(t.Context(), cliPatience)
	t.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, "aws", append([]string{"--endpoint-url", c.url, "--output", "json"}, args...)...)
	cmd.Dir = c.dir
	cmd.WaitDelay = time.Second // where a script is on the PATH, its interpreter holds the pipes
	cmd.Env = append(os.Environ(), "AWS_ACCESS_KEY_ID=any", "AWS_SECRET_ACCESS_KEY=thing",
		"AWS_DEFAULT_REGION=us-east-1", "AWS_PAGER=", "AWS_CONFIG_FILE=/dev/null",
		"AWS_SHARED_CREDENTIALS_FILE=/dev/null")
	return cmd
}

func (c awsCLI) run(t *testing.T, args ...string) string {
	t.Helper()
	cmd := c.command(t, args...)
	var said strings.Builder
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("aws %s: %v: %s%s", strings.Join(args, " "), err, out, said.String())
	}
	return string(out)
}

// fields are those of a JSON reply.
func fields[T any](t *testing.T, reply string) (v T) {
	t.Helper()
	if err := json.Unmarshal([]byte(reply), &v); err != nil {
		t.Fatalf("%v: %s", err, reply)
	}
	return v
}

// chatty prints more than the CLI's output buffers hold, so that a reader sees the first
// lines before the CLI ends.
const chatty = `exports.handler = async (event) => {
  for (let i = 0; i < 600; i++) console.log(event.say, 'line', i, '.'.repeat(60));
  return event.say;
};`

func TestAWSCommandLineDeploysInvokesAndReadsLogs(t *testing.T) {
	needAWSCLI(t)
	b, dir := openBackend(t, "process")
	in := runtimetest.Interpreter(t, isolation.NodeJS)
	r := serveOn(t, Config{}, b, dir)
	c := awsCLI{r.url, t.TempDir()}
	if err := os.WriteFile(filepath.Join(c.dir, "code.zip"), lambdatest.Zip(t, "index.js", chatty), 0o600); err != nil {
		t.Fatal(err)
	}

	c.run(t, "lambda", "create-function", "--function-name", "chatty", "--runtime", in.Runtime, "--handler",
		"index.handler", "--role", "arn:aws:iam::000000000000:role/any", "--zip-file", "fileb://code.zip")
	c.run(t, "lambda", "wait", "function-active-v2", "--function-name", "chatty")
	list := fields[struct {
		Functions []struct{ FunctionName string }
	}](t, c.run(t, "lambda", "list-functions"))
	if len(list.Functions) != 1 || list.Functions[0].FunctionName != "chatty" {
		t.Errorf("list-functions: %+v", list)
	}
	call := func(say string) {
		t.Helper()
		c.run(t, "lambda", "invoke", "--function-name", "chatty", "--cli-binary-format", "raw-in-base64-out",
			"--payload", fmt.Sprintf(`{"say": %q}`, say), "out.json")
		out, err := os.ReadFile(filepath.Join(c.dir, "out.json"))
		if err != nil || string(out) != fmt.Sprintf("%q", say) {
			t.Errorf("invoke replied %s, %v", out, err)
		}
	}
	call("earlier")
	t.Run("group, stream and events", func(t *testing.T) { c.describeAndFilter(t) })
	t.Run("tail", func(t *testing.T) {
		out := c.run(t, "logs", "tail", "/aws/lambda/chatty", "--since", "1h")
		for _, want := range []string{"START RequestId", "earlier line 0 ", "earlier line 599 ", "END RequestId",
			"REPORT RequestId"} {
			if !strings.Contains(out, want) {
				t.Errorf("tail lacks %q in %d bytes: %.300s", want, len(out), out)
			}
		}
	})
	t.Run("tail --follow", func(t *testing.T) { c.follow(t, call) })
}

func (c awsCLI) describeAndFilter(t *testing.T) {
	const group = "/aws/lambda/chatty"
	groups := fields[struct {
		LogGroups []struct{ LogGroupName string }
	}](t, c.run(t, "logs", "describe-log-groups",
		"--log-group-name-prefix", "/aws/lambda/"))
	if len(groups.LogGroups) != 1 || groups.LogGroups[0].LogGroupName != group {
		t.Errorf("groups: %+v", groups)
	}
	streams := fields[struct {
		LogStreams []struct{ LogStreamName string }
	}](t, c.run(t, "logs", "describe-log-streams",
		"--log-group-name", group, "--order-by", "LastEventTime", "--descending"))
	if len(streams.LogStreams) != 1 {
		t.Fatalf("streams: %+v", streams)
	}
	type events struct{ Events []struct{ Message string } }
	found := fields[events](t, c.run(t, "logs", "filter-log-events", "--log-group-name", group, "--filter-pattern",
		`"line 7 "`)).Events
	if len(found) != 1 || !strings.Contains(found[0].Message, "earlier line 7 ") {
		t.Errorf("filter-log-events found %+v", found)
	}
	read := fields[events](t, c.run(t, "logs", "get-log-events", "--log-group-name", group, "--log-stream-name",
		streams.LogStreams[0].LogStreamName, "--start-from-head", "--limit", "3")).Events
	if len(read) != 3 || !strings.HasPrefix(read[0].Message, "START RequestId") {
		t.Errorf("get-log-events read %+v", read)
	}
}

// follow has the CLI follow a log, and a call print into the log meanwhile. The CLI is
// interrupted, as a user does.
func (c awsCLI) follow(t *testing.T, call func(say string)) {
	cmd := c.command(t, "logs", "tail", "/aws/lambda/chatty", "--since", "1h", "--follow")
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	await := func(text string) {
		t.Helper()
		for lines.Scan() {
			if strings.Contains(lines.Text(), text) {
				return
			}
		}
		t.Errorf("the CLI ended before it showed %q", text)
	}
	await("earlier line 0 ")
	call("meanwhile")
	await("meanwhile line 0 ")
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Error(err)
	}
	_ = cmd.Wait() // its status is that of an interrupt
}
