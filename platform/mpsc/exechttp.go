package mpsc

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
)

// maxAnswer bounds what is read of an answer, in bytes.
const maxAnswer = 6 << 20

// openWhisk calls OpenWhisk's REST API: a blocking invocation that returns the
// result only.
type openWhisk struct {
	base, user, password string
	client               *http.Client
}

func newOpenWhisk(p Provider, client *http.Client, getenv func(string) string) (Executor, error) {
	prefix := cmp.Or(p.Credentials, "OPENWHISK")
	user, password, ok := strings.Cut(getenv(prefix+"_AUTH"), ":")
	if !ok {
		return nil, fmt.Errorf("provider %s: %w: set %s_AUTH to USER:PASSWORD", p.Name, ErrNoCredentials, prefix)
	}
	namespace := cmp.Or(p.Namespace, "_")
	base := strings.TrimSuffix(p.APIHost, "/") + "/api/v1/namespaces/" + url.PathEscape(namespace) + "/actions/"
	return openWhisk{base, user, password, client}, nil
}

// Execute implements Executor.
func (e openWhisk) Execute(ctx context.Context, function string, payload []byte) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost,
		e.base+actionPath(function)+"?blocking=true&result=true", bytes.NewReader(payload))
	if err != nil {
		return nil, err
	}
	req.SetBasicAuth(e.user, e.password)
	code, body, err := exchange(e.client, req)
	switch {
	case err != nil:
		return nil, err
	case code == http.StatusAccepted: // OpenWhisk gave up waiting and left an activation id
		return nil, &CallError{TimedOut, "the activation was still running when the provider stopped waiting"}
	case code == http.StatusBadGateway: // OpenWhisk: the action ran and failed
		return nil, &CallError{FunctionError, string(body)}
	}
	return body, statusError(code, body)
}

// actionPath is an action's name in a URL; one slash stands behind its package.
func actionPath(function string) string {
	pkg, name, ok := strings.Cut(function, "/")
	if !ok {
		return url.PathEscape(function)
	}
	return url.PathEscape(pkg) + "/" + url.PathEscape(name)
}

// template calls any URL with the payload.
type template struct {
	url    func(function string) string
	bearer string
	client *http.Client
}

func newTemplate(p Provider, client *http.Client, getenv func(string) string) (Executor, error) {
	t := template{client: client}
	if p.Credentials != "" {
		if t.bearer = getenv(p.Credentials + "_TOKEN"); t.bearer == "" {
			return nil, fmt.Errorf("provider %s: %w: set %s_TOKEN", p.Name, ErrNoCredentials, p.Credentials)
		}
	}
	t.url = func(function string) string {
		return strings.NewReplacer("{host}", strings.TrimSuffix(p.APIHost, "/"), "{namespace}",
			url.PathEscape(p.Namespace),
			"{function}", url.PathEscape(function)).Replace(p.URL)
	}
	return t, nil
}

// Execute implements Executor.
func (e template) Execute(ctx context.Context, function string, payload []byte) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, e.url(function), bytes.NewReader(payload))
	if err != nil {
		return nil, err
	}
	if e.bearer != "" {
		req.Header.Set("Authorization", "Bearer "+e.bearer)
	}
	code, body, err := exchange(e.client, req)
	if err != nil {
		return nil, err
	}
	return body, statusError(code, body)
}

// exchange sends a JSON request and reads a bounded answer.
func exchange(client *http.Client, req *http.Request) (code int, body []byte, err error) {
	req.Header.Set("Content-Type", "application/json")
	resp, err := client.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	body, err = io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	if len(body) > maxAnswer {
		return 0, nil, &CallError{Malformed, fmt.Sprintf("the answer is larger than %d bytes", maxAnswer)}
	}
	return resp.StatusCode, body, err
}

func statusError(code int, body []byte) error {
	if class := classOfStatus(code); class != OK {
		return &CallError{class, fmt.Sprintf("status %d: %.200s", code, body)}
	}
	return nil
}
