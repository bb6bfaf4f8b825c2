package platform

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/lambdabench/lambdabench/runtime/isolation"
	"github.com/lambdabench/lambdabench/runtime/runtimetest"
)

func TestAWebPageCannotRunCodeHere(t *testing.T) {
	r := serve(t, Config{})
	defer http.DefaultClient.CloseIdleConnections()
	for name, header := range map[string][2]string{
		"new browsers": {"Sec-Fetch-Site", "cross-site"},
		"old browsers": {"Origin", "https://elsewhere.example"},
	} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, r.url+"/2015-03-31/functions",
			strings.NewReader("{}"))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set(header[0], header[1])
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != http.StatusForbidden {
			t.Errorf("%s: status %d", name, res.StatusCode)
		}
	}
}

func TestAcceptedEventRunsThoughThePlatformWasKilled(t *testing.T) {
	in := runtimetest.Interpreter(t, isolation.NodeJS)
	dir := dataDir(t)
	if err := os.Mkdir(filepath.Join(dir, "backend"), 0o755); err != nil {
		t.Fatal(err)
	}
	var asked atomic.Int64 // by the function, whose file system is not ours
	door := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, asked.Add(1))
	}))
	defer door.Close()
	c, cmd := victim(t, dir)
	create(t, c, in, "f", `
exports.handler = async (e) => {
  const times = await new Promise((resolve, reject) =>
    require('http').get(e.door, (r) => r.on('data', resolve)).on('error', reject));
  if (String(times) === '1') await new Promise((r) => setTimeout(r, 60000));
};`, func(in *lambda.CreateFunctionInput) { in.Timeout = aws.Int32(120) })
	out, err := c.Invoke(t.Context(), &lambda.InvokeInput{FunctionName: aws.String("f"),
		InvocationType: types.InvocationTypeEvent,
		Payload:        []byte(`{"door":"` + door.URL + `"}`)})
	if err != nil || out.StatusCode != http.StatusAccepted {
		t.Fatalf("%+v, %v", out, err)
	}
	runtimetest.Eventually(t, "the event runs", func() bool { return asked.Load() == 1 })
	cmd.Process.Kill()
	cmd.Wait()
	_, cmd = victim(t, dir)
	runtimetest.Eventually(t, "the event runs again", func() bool { return asked.Load() == 2 })
	cmd.Process.Kill()
	cmd.Wait()
	runtimetest.Eventually(t, "no process is left", func() bool {
		return len(inDirectory(filepath.Join(dir, "backend"))) == 0
	})
}

func TestEveryPathOfTheListenerChecksItsHost(t *testing.T) {
	r := serve(t, Config{Hosts: []string{"faas.example"}})
	defer http.DefaultClient.CloseIdleConnections()
	for _, path := range []string{"/2015-03-31/functions", "/api/v1", "/api/v1/namespaces", "/metrics", "/healthz",
		"/code/f", "/nothing"} {
		for host, refused := range map[string]bool{"evil.example:9000": true, "faas.example": false,
			"localhost": false} {
			for _, method := range []string{http.MethodGet, http.MethodPost} {
				req, err := http.NewRequestWithContext(t.Context(), method, r.url+path, nil)
				if err != nil {
					t.Fatal(err)
				}
				req.Host = host
				res, err := http.DefaultClient.Do(req)
				if err != nil {
					t.Fatal(err)
				}
				res.Body.Close()
				if got := res.StatusCode == http.StatusMisdirectedRequest; got != refused {
					t.Errorf("%s %s with Host %s: status %d", method, path, host, res.StatusCode)
				}
			}
		}
	}
}
