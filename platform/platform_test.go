package platform

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"go.uber.org/goleak"

	"github.com/lambdabench/lambdabench/platform/lambdatest"
	"github.com/lambdabench/lambdabench/platform/store"
	"github.com/lambdabench/lambdabench/runtime/isolation"
	"github.com/lambdabench/lambdabench/runtime/process"
	"github.com/lambdabench/lambdabench/runtime/runtimetest"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(serverDir); dir != "" {
		playServer(dir)
		return
	}
	goleak.VerifyTestMain(m)
}

// dataDir is a directory that the users under whom functions run may enter, as
// t.TempDir's is not.
func dataDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "lambdabench-platform-")
	if err == nil {
		err = os.Chmod(dir, 0o755)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// running is a platform that serves, on the process backend.
type running struct {
	*lambda.Client
	*Platform
	url  string
	dir  string // of the backend
	stop func() error
}

func serve(t testing.TB, cfg Config) *running {
	t.Helper()
	dir := dataDir(t)
	return serveOn(t, cfg, process.New(process.Config{Dir: dir}), dir)
}

// serveOn closes the backend, whose directory is empty then, with the test.
func serveOn(t testing.TB, cfg Config, backend isolation.Backend, dir string) *running {
	t.Helper()
	r := &running{dir: dir}
	if cfg.Data == "" {
		cfg.Data = dataDir(t)
	}
	p, err := Open(cfg, backend, runtimetest.Interpreters(), nil)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- p.Serve(ctx, l) }()
	r.stop = sync.OnceValue(func() error {
		cancel()
		return errors.Join(<-ended, backend.Close())
	})
	t.Cleanup(func() {
		if err := r.stop(); err != nil {
			t.Error(err)
		}
		if left, _ := filepath.Glob(filepath.Join(r.dir, "*")); len(left) > 0 {
			t.Errorf("left behind: %v", left)
		}
	})
	r.Platform, r.url = p, "http://"+l.Addr().String()
	r.Client = lambdatest.Client(t, r.url)
	return r
}

func create(t testing.TB, c *lambda.Client, in isolation.Interpreter, name, source string,
	change func(*lambda.CreateFunctionInput)) {
	t.Helper()
	input := &lambda.CreateFunctionInput{
		FunctionName: aws.String(name), Runtime: types.Runtime(in.Runtime), Handler: aws.String("index.handler"),
		Role: aws.String("arn:aws:iam::000000000000:role/any"),
		Code: &types.FunctionCode{ZipFile: lambdatest.Zip(t, runtimetest.FileName(in.Language), source)},
	}
	if change != nil {
		change(input)
	}
	if _, err := c.CreateFunction(context.Background(), input); err != nil {
		t.Fatal(err)
	}
}

func invoke(t testing.TB, c *lambda.Client, name, event string) *lambda.InvokeOutput {
	t.Helper()
	out, err := c.Invoke(context.Background(), &lambda.InvokeInput{FunctionName: aws.String(name),
		Payload: []byte(event), LogType: types.LogTypeTail})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// failure is the function's error in a reply.
func failure(t testing.TB, out *lambda.InvokeOutput) isolation.FunctionError {
	t.Helper()
	var e isolation.FunctionError
	if out.FunctionError == nil {
		t.Errorf("no error: %.200s", out.Payload)
	} else if err := json.Unmarshal(out.Payload, &e); err != nil {
		t.Errorf("%.200s: %v", out.Payload, err)
	}
	return e
}

func logOf(t testing.TB, out *lambda.InvokeOutput) string {
	t.Helper()
	log, err := base64.StdEncoding.DecodeString(aws.ToString(out.LogResult))
	if err != nil {
		t.Error(err)
	}
	return string(log)
}

func TestSecondPlatformOnOneDirectoryIsRefused(t *testing.T) {
	r := serve(t, Config{})
	backend := process.New(process.Config{Dir: r.dir})
	defer backend.Close()
	_, err := Open(Config{Data: r.Platform.cfg.Data}, backend, runtimetest.Interpreters(), nil)
	if !errors.Is(err, store.ErrInUse) || !strings.Contains(err.Error(), r.Platform.cfg.Data) {
		t.Errorf("%v", err)
	}
}

func TestPlatformNeedsALanguageRuntime(t *testing.T) {
	backend := process.New(process.Config{})
	defer backend.Close()
	if _, err := Open(Config{Data: t.TempDir()}, backend, nil, nil); err == nil ||
		!strings.Contains(err.Error(), "install Node.js") {
		t.Errorf("%v", err)
	}
}

func TestMetricsAndHealth(t *testing.T) {
	r := serve(t, Config{})
	in := runtimetest.Interpreter(t, isolation.NodeJS)
	create(t, r.Client, in, "f", "exports.handler = async () => 1", nil)
	invoke(t, r.Client, "f", "{}")
	defer http.DefaultClient.CloseIdleConnections()
	for path, want := range map[string]string{"/healthz": "ok", "/metrics": `outcome="ok"`} {
		res, err := http.Get(r.url + path)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(res.Body)
		res.Body.Close()
		if res.StatusCode != http.StatusOK || !strings.Contains(string(body), want) {
			t.Errorf("%s: %d %.2000s", path, res.StatusCode, body)
		}
	}
}
