package openwhisk_test

import (
	"context"
	"net/http/httptest"
	"regexp"
	"slices"
	"testing"
	"time"

	"github.com/lambdabench/lambdabench/platform/openwhisk"
	"github.com/lambdabench/lambdabench/platform/store"
	"github.com/lambdabench/lambdabench/platform/worker"
	"github.com/lambdabench/lambdabench/runtime/isolation"
)

// recorder answers every invocation and keeps the account that it ran for, and its
// trace.
type recorder struct{ accounts, traces []string }

func (r *recorder) Invoke(_ context.Context, req worker.Request) (worker.Response, error) {
	r.accounts = append(r.accounts, req.Function.Account())
	r.traces = append(r.traces, req.Invocation.TraceID)
	return worker.Response{Result: isolation.Result{Outcome: isolation.OK, Payload: []byte(`{}`)}}, nil
}

func TestNamespacesAreTenantsToTheRuntime(t *testing.T) {
	st, err := store.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	keys := map[string]string{"guest": openwhisk.GuestKey, "000000000000": "digits:key", "a b.c@d": "odd:key"}
	var ran recorder
	api, err := openwhisk.Open(openwhisk.Config{
		Settings: openwhisk.Settings{Namespaces: keys}, Dir: t.TempDir(), Runtimes: []string{"nodejs20.x"},
	}, st, &ran)
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(api)
	defer srv.Close()
	seen := map[string]string{"": "functions without an account", "000000000000": "functions of AWS Lambda's interface"}
	for ns, key := range keys {
		c := &client{t, srv.URL, key}
		c.put("f", "nodejs:20", "function main() {}", nil)
		for range 2 {
			c.want(200, "POST", "/_/actions/f?blocking=true", map[string]any{})
		}
		first, second := ran.accounts[len(ran.accounts)-2], ran.accounts[len(ran.accounts)-1]
		if first != second {
			t.Errorf("namespace %q has accounts %q and %q", ns, first, second)
		}
		if other, taken := seen[first]; taken {
			t.Errorf("namespace %q has the account %q of %s", ns, first, other)
		}
		seen[first] = "namespace " + ns
	}
	own := regexp.MustCompile(`^Root=1-[0-9a-f]{8}-[0-9a-f]{24};Parent=[0-9a-f]{16};Sampled=0$`)
	for i, trace := range ran.traces {
		if !own.MatchString(trace) || slices.Contains(ran.traces[:i], trace) {
			t.Errorf("an invocation has the trace %q, not one of its own", trace)
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := api.Close(ctx); err != nil {
		t.Error(err)
	}
}
