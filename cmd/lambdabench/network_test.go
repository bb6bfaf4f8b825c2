package main

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/lambdabench/lambdabench/platform/lambdatest"
	"github.com/lambdabench/lambdabench/runtime/backends"
	"github.com/lambdabench/lambdabench/runtime/isolation"
	"github.com/lambdabench/lambdabench/runtime/unikernel"
)

// A function reaches what the platform's configuration allows, and nothing else.
func TestServeLetsFunctionsReachWhatIsAllowed(t *testing.T) {
	in, err := isolation.FindInterpreter(t.Context(), "nodejs")
	if err != nil {
		t.Skip(err)
	}
	b, err := backends.ByName(backends.Config{}, unikernel.Name)
	if err != nil {
		t.Fatal(err)
	}
	probed := b.Probe(t.Context())
	b.Close()
	if probed != nil {
		t.Skip(probed)
	}
	answer := func(text string) *httptest.Server {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			io.WriteString(w, text)
		}))
		t.Cleanup(s.Close)
		return s
	}
	allowed, refused := answer("allowed"), answer("refused")
	config := filepath.Join(t.TempDir(), "platform.yaml")
	text := fmt.Sprintf("network: {allow: [%q]}\n", strings.TrimPrefix(allowed.URL, "http://"))
	if err := os.WriteFile(config, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	url, cmd, _ := listening(t, "serve", "--backend", unikernel.Name, "--listen", "127.0.0.1:0", "--data", t.TempDir(),
		"--config", config)
	defer func() {
		cmd.Process.Signal(os.Interrupt)
		cmd.Wait()
	}()
	c := lambdatest.Client(t, url)
	code := lambdatest.Zip(t, "index.js", `
const http = require('http');
exports.handler = (url) => new Promise((resolve) => http.get(url, (res) => {
  let text = '';
  res.on('data', (d) => { text += d; }).on('end', () => resolve(text));
}).on('error', (err) => resolve(err.code)));`)
	if _, err := c.CreateFunction(t.Context(), &lambda.CreateFunctionInput{
		FunctionName: aws.String("get"), Runtime: types.Runtime(in.Runtime), Handler: aws.String("index.handler"),
		Timeout: aws.Int32(30),
		Role:    aws.String("arn:aws:iam::000000000000:role/any"), Code: &types.FunctionCode{ZipFile: code},
	}); err != nil {
		t.Fatal(err)
	}
	for target, want := range map[string]string{allowed.URL: `"allowed"`, refused.URL: `"ECONNREFUSED"`} {
		out, err := c.Invoke(t.Context(), &lambda.InvokeInput{FunctionName: aws.String("get"),
			Payload: fmt.Appendf(nil, "%q", target)})
		if err != nil || string(out.Payload) != want {
			t.Errorf("%s: %s %v, want %s", target, out.Payload, err, want)
		}
	}
	for _, name := range []string{"process", "container/runc"} {
		if code, _, says := command(t, "serve", "--backend", name, "--listen", "127.0.0.1:0", "--data", t.TempDir(),
			"--config", config); code != exitUsage || !strings.Contains(says, "network.allow") {
			t.Errorf("%s with an allow list: exit %d, %s", name, code, says)
		}
	}
}
