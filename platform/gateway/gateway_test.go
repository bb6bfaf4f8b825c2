package gateway

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"go.uber.org/goleak"

	"github.com/lambdabench/lambdabench/platform/dispatch"
	"github.com/lambdabench/lambdabench/platform/lambdatest"
	"github.com/lambdabench/lambdabench/platform/store"
	"github.com/lambdabench/lambdabench/platform/worker"
	"github.com/lambdabench/lambdabench/runtime/isolation"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fake answers invocations in place of a dispatcher; by default with the event.
type fake struct {
	mu      sync.Mutex
	answer  func(ctx context.Context, req worker.Request) (worker.Response, error)
	last    worker.Request
	calls   int
	forgets []string
	limits  map[string]int
}

func (f *fake) Invoke(ctx context.Context, req worker.Request) (worker.Response, error) {
	f.mu.Lock()
	f.last = req
	f.calls++
	answer := f.answer
	f.mu.Unlock()
	if answer != nil {
		return answer(ctx, req)
	}
	return worker.Response{Result: isolation.Result{Payload: req.Invocation.Payload}, Path: worker.Hot}, nil
}

func (f *fake) seen() (worker.Request, int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.last, f.calls
}

func (f *fake) Reserve(arn string, n int) error {
	if n > 900 {
		return fmt.Errorf("%w: %d", dispatch.ErrReserve, n)
	}
	f.limits[arn] = n
	return nil
}

func (f *fake) Unreserve(arn string) { delete(f.limits, arn) }

// opened is a gateway with a fake behind it and a client of AWS's in front.
type opened struct {
	*lambda.Client
	fake    *fake
	url     string
	gateway *Gateway
	store   *store.Store
}

func open(t testing.TB, cfg Config) *opened {
	t.Helper()
	st, err := store.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	f := &fake{limits: map[string]int{}}
	cfg.Runtimes, cfg.Reserver = []string{"nodejs20.x", "python3.11"}, f
	cfg.Forget = func(arn, version string) { f.forgets = append(f.forgets, arn+"@"+version) }
	g := New(cfg, st, f)
	srv := httptest.NewServer(g)
	t.Cleanup(func() {
		srv.Close()
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if err := g.Close(ctx); err != nil {
			t.Error(err)
		}
		if err := st.Close(); err != nil && !errors.Is(err, os.ErrClosed) {
			t.Error(err)
		}
	})
	return &opened{Client: lambdatest.Client(t, srv.URL), fake: f, url: srv.URL, gateway: g, store: st}
}

// newFunction is what a create needs at least.
func newFunction(t testing.TB, name string) *lambda.CreateFunctionInput {
	return &lambda.CreateFunctionInput{
		FunctionName: aws.String(name), Runtime: types.RuntimeNodejs20x, Handler: aws.String("index.handler"),
		Role: aws.String("arn:aws:iam::000000000000:role/any"),
		Code: &types.FunctionCode{ZipFile: lambdatest.Zip(t, "index.js", "exports.handler = async () => null")},
	}
}

func (d *opened) create(t testing.TB, name string) {
	t.Helper()
	if _, err := d.CreateFunction(t.Context(), newFunction(t, name)); err != nil {
		t.Fatal(err)
	}
}

func TestCreatedFunctionIsDescribedAsAWSDoes(t *testing.T) {
	d := open(t, Config{})
	in := newFunction(t, "hello")
	in.Timeout, in.MemorySize, in.Description = aws.Int32(7), aws.Int32(256), aws.String("says hello")
	in.Environment = &types.Environment{Variables: map[string]string{"WHO": "you"}}
	made, err := d.CreateFunction(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	const arn = "arn:aws:lambda:us-east-1:000000000000:function:hello"
	if *made.FunctionArn != arn || *made.Version != "$LATEST" || made.State != types.StateActive ||
		*made.RevisionId == "" ||
		made.CodeSize != int64(len(in.Code.ZipFile)) || *made.Timeout != 7 || *made.MemorySize != 256 ||
		made.Environment.Variables["WHO"] != "you" {
		t.Errorf("%+v", made)
	}
	got, err := d.GetFunction(t.Context(), &lambda.GetFunctionInput{FunctionName: aws.String("hello")})
	if err != nil {
		t.Fatal(err)
	}
	if *got.Configuration.CodeSha256 != *made.CodeSha256 || *got.Configuration.Description != "says hello" ||
		*got.Configuration.FunctionArn != arn+":$LATEST" && *got.Configuration.FunctionArn != arn {
		t.Errorf("%+v", got.Configuration)
	}
	if _, err := time.Parse("2006-01-02T15:04:05.000-0700", *got.Configuration.LastModified); err != nil {
		t.Error(err)
	}
	res, err := http.Get(*got.Code.Location)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if code, err := io.ReadAll(res.Body); err != nil || !bytes.Equal(code, in.Code.ZipFile) {
		t.Errorf("downloaded %d bytes, %v", len(code), err)
	}
	http.DefaultClient.CloseIdleConnections()
	conf, err := d.GetFunctionConfiguration(t.Context(),
		&lambda.GetFunctionConfigurationInput{FunctionName: aws.String(arn)})
	if err != nil || *conf.RevisionId != *made.RevisionId {
		t.Errorf("%+v, %v", conf, err)
	}
}

func TestDefaultsAreThoseOfAWS(t *testing.T) {
	d := open(t, Config{})
	made, err := d.CreateFunction(t.Context(), newFunction(t, "f"))
	if err != nil || *made.Timeout != 3 || *made.MemorySize != 128 {
		t.Errorf("%+v, %v", made, err)
	}
}

func TestListComesInPages(t *testing.T) {
	d := open(t, Config{})
	fns, code := make([]store.Creation, 120), lambdatest.Zip(t, "index.js", "")
	for i := range fns {
		fns[i].Function = store.Function{Name: fmt.Sprintf("f%03d", i), Runtime: "nodejs20.x", Handler: "index.handler"}
		fns[i].Zip = code
	}
	if _, err := d.gateway.functions.CreateMany(fns); err != nil {
		t.Fatal(err)
	}
	for _, size := range []int32{0, 7, 50, 1000} {
		in := &lambda.ListFunctionsInput{}
		if size > 0 {
			in.MaxItems = aws.Int32(size)
		}
		var names []string
		for p := lambda.NewListFunctionsPaginator(d.Client, in); p.HasMorePages(); {
			page, err := p.NextPage(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			for _, fn := range page.Functions {
				names = append(names, *fn.FunctionName)
			}
		}
		if len(names) != 120 || names[0] != "f000" || names[119] != "f119" {
			t.Errorf("pages of %d: %d names", size, len(names))
		}
	}
}

func TestUpdatesAndVersions(t *testing.T) {
	d := open(t, Config{})
	d.create(t, "f")
	name := aws.String("f")
	conf, err := d.UpdateFunctionConfiguration(t.Context(), &lambda.UpdateFunctionConfigurationInput{FunctionName: name,
		Timeout: aws.Int32(9)})
	if err != nil || *conf.Timeout != 9 || *conf.Handler != "index.handler" || *conf.MemorySize != 128 {
		t.Fatalf("%+v, %v", conf, err)
	}
	v1, err := d.PublishVersion(t.Context(), &lambda.PublishVersionInput{FunctionName: name,
		Description: aws.String("one")})
	if err != nil || *v1.Version != "1" || *v1.Description != "one" || !strings.HasSuffix(*v1.FunctionArn, ":f:1") {
		t.Fatalf("%+v, %v", v1, err)
	}
	dry, err := d.UpdateFunctionCode(t.Context(), &lambda.UpdateFunctionCodeInput{FunctionName: name,
		ZipFile: lambdatest.Zip(t, "index.js", "2"), DryRun: true})
	if err != nil || *dry.CodeSha256 != *v1.CodeSha256 {
		t.Errorf("%+v, %v", dry, err)
	}
	v2, err := d.UpdateFunctionCode(t.Context(), &lambda.UpdateFunctionCodeInput{FunctionName: name,
		ZipFile: lambdatest.Zip(t, "index.js", "2"), Publish: true})
	if err != nil || *v2.Version != "2" || *v2.CodeSha256 == *v1.CodeSha256 {
		t.Fatalf("%+v, %v", v2, err)
	}
	var versions []string
	for p := lambda.NewListVersionsByFunctionPaginator(d.Client,
		&lambda.ListVersionsByFunctionInput{FunctionName: name, MaxItems: aws.Int32(2)}); p.HasMorePages(); {
		page, err := p.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range page.Versions {
			versions = append(versions, *v.Version)
		}
	}
	if got := strings.Join(versions, " "); got != "$LATEST 1 2" {
		t.Errorf("versions %s", got)
	}
	if len(d.fake.forgets) == 0 || !strings.HasSuffix(d.fake.forgets[0], ":f@$LATEST") {
		t.Errorf("the worker was told of %v", d.fake.forgets)
	}
	if _, err := d.DeleteFunction(t.Context(), &lambda.DeleteFunctionInput{FunctionName: name,
		Qualifier: aws.String("1")}); err != nil {
		t.Error(err)
	}
	if _, err := d.DeleteFunction(t.Context(), &lambda.DeleteFunctionInput{FunctionName: name}); err != nil {
		t.Error(err)
	}
	if list, err := d.ListFunctions(t.Context(), &lambda.ListFunctionsInput{}); err != nil || len(list.Functions) != 0 {
		t.Errorf("%+v, %v", list, err)
	}
}

func TestReservedConcurrency(t *testing.T) {
	d := open(t, Config{})
	d.create(t, "f")
	name, arn := aws.String("f"), "arn:aws:lambda:us-east-1:000000000000:function:f"
	put, err := d.PutFunctionConcurrency(t.Context(), &lambda.PutFunctionConcurrencyInput{FunctionName: name,
		ReservedConcurrentExecutions: aws.Int32(0)})
	if err != nil || *put.ReservedConcurrentExecutions != 0 {
		t.Fatalf("%+v, %v", put, err)
	}
	if n, ok := d.fake.limits[arn]; !ok || n != 0 {
		t.Errorf("reserved %v", d.fake.limits)
	}
	got, err := d.GetFunctionConcurrency(t.Context(), &lambda.GetFunctionConcurrencyInput{FunctionName: name})
	if err != nil || got.ReservedConcurrentExecutions == nil || *got.ReservedConcurrentExecutions != 0 {
		t.Errorf("%+v, %v", got, err)
	}
	fn, err := d.GetFunction(t.Context(), &lambda.GetFunctionInput{FunctionName: name})
	if err != nil || fn.Concurrency == nil {
		t.Errorf("%+v, %v", fn, err)
	}
	again := &fake{limits: map[string]int{}}
	next := New(Config{Reserver: again}, d.store, again)
	if err := next.Restore(); err != nil {
		t.Error(err)
	}
	next.Close(t.Context())
	if _, ok := again.limits[arn]; !ok {
		t.Error("a restart forgets the reservation")
	}
	if _, err := d.DeleteFunctionConcurrency(t.Context(),
		&lambda.DeleteFunctionConcurrencyInput{FunctionName: name}); err != nil {
		t.Fatal(err)
	}
	if got, err := d.GetFunctionConcurrency(t.Context(),
		&lambda.GetFunctionConcurrencyInput{FunctionName: name}); err != nil ||
		got.ReservedConcurrentExecutions != nil || len(d.fake.limits) != 0 {
		t.Errorf("%+v, %v, %v", got, err, d.fake.limits)
	}
}

func TestInvocationReachesTheFunctionAndComesBack(t *testing.T) {
	d := open(t, Config{})
	d.create(t, "f")
	out, err := d.Invoke(t.Context(), &lambda.InvokeInput{
		FunctionName: aws.String("f"), Payload: []byte(`{"a":1}`),
		ClientContext: aws.String(base64.StdEncoding.EncodeToString([]byte(`{"custom":{"b":"2"}}`))),
	})
	if err != nil || out.StatusCode != 200 || string(out.Payload) != `{"a":1}` || *out.ExecutedVersion != "$LATEST" ||
		out.FunctionError != nil || out.LogResult != nil {
		t.Fatalf("%+v, %v", out, err)
	}
	req, _ := d.fake.seen()
	if string(req.Invocation.ClientContext) != `{"custom":{"b":"2"}}` || req.Timeout != 3*time.Second ||
		req.Function.Limits != (isolation.Limits{MemoryBytes: 128 << 20, Processes: 1024}) ||
		len(req.Invocation.ID) != 36 || req.Runtime != "nodejs20.x" || req.Revision == "" || req.Meter {
		t.Errorf("%+v", req)
	}
	if _, err = d.Invoke(t.Context(), &lambda.InvokeInput{FunctionName: aws.String("f")}); err != nil {
		t.Fatal(err)
	}
	if req, _ := d.fake.seen(); string(req.Invocation.Payload) != "{}" {
		t.Errorf("no payload arrives as %q", req.Invocation.Payload)
	}
	_, before := d.fake.seen()
	dry, err := d.Invoke(t.Context(), &lambda.InvokeInput{FunctionName: aws.String("f"),
		InvocationType: types.InvocationTypeDryRun})
	if _, after := d.fake.seen(); err != nil || dry.StatusCode != 204 || after != before {
		t.Errorf("dry run: %+v, %v, %d calls", dry, err, after-before)
	}
}

func TestFunctionErrorIsASuccessOfTheCall(t *testing.T) {
	d := open(t, Config{})
	d.create(t, "f")
	d.fake.answer = func(context.Context, worker.Request) (worker.Response, error) {
		return worker.Response{Result: isolation.Result{Outcome: isolation.Failed, Logs: []byte("printed\n"),
			Error: &isolation.FunctionError{Type: "TypeError", Message: "no", Trace: []string{"at x"}}}}, nil
	}
	out, err := d.Invoke(t.Context(), &lambda.InvokeInput{FunctionName: aws.String("f"), LogType: types.LogTypeTail})
	if err != nil || out.StatusCode != 200 || out.FunctionError == nil || *out.FunctionError != "Unhandled" ||
		string(out.Payload) != `{"errorType":"TypeError","errorMessage":"no","trace":["at x"]}` {
		t.Fatalf("%+v, %v", out, err)
	}
	log, err := base64.StdEncoding.DecodeString(*out.LogResult)
	for _, want := range []string{"START RequestId: ", "printed\n", "END RequestId: ", "REPORT RequestId: "} {
		if err != nil || !strings.Contains(string(log), want) {
			t.Errorf("log %q, %v", log, err)
		}
	}
	d.fake.mu.Lock()
	d.fake.answer = func(context.Context, worker.Request) (worker.Response, error) {
		return worker.Response{Result: isolation.Result{Payload: []byte("1"),
			Logs: bytes.Repeat([]byte("x"), 100<<10)}}, nil
	}
	d.fake.mu.Unlock()
	out, err = d.Invoke(t.Context(), &lambda.InvokeInput{FunctionName: aws.String("f"), LogType: types.LogTypeTail})
	if err != nil {
		t.Fatal(err)
	}
	if log, err := base64.StdEncoding.DecodeString(*out.LogResult); err != nil || len(log) != 4096 ||
		!strings.Contains(string(log), "REPORT") {
		t.Errorf("%d bytes of log, %v", len(log), err)
	}
}

func TestFunctionsAreNamedInEveryWayOfAWS(t *testing.T) {
	d := open(t, Config{})
	d.create(t, "f")
	if _, err := d.PublishVersion(t.Context(), &lambda.PublishVersionInput{FunctionName: aws.String("f")}); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ name, qualifier, want string }{
		{"f", "", "$LATEST"}, {"f", "1", "1"}, {"f", "$LATEST", "$LATEST"}, {"f:1", "", "1"}, {"f:1", "1", "1"},
		{"000000000000:function:f", "", "$LATEST"}, {"000000000000:function:f:1", "", "1"},
		{"function:f", "", "$LATEST"},
		{"arn:aws:lambda:us-east-1:000000000000:function:f", "1", "1"},
		{"arn:aws:lambda:us-east-1:000000000000:function:f:$LATEST", "", "$LATEST"},
	} {
		in := &lambda.InvokeInput{FunctionName: aws.String(c.name)}
		if c.qualifier != "" {
			in.Qualifier = aws.String(c.qualifier)
		}
		out, err := d.Invoke(t.Context(), in)
		if err != nil || *out.ExecutedVersion != c.want {
			t.Errorf("%s, %s: %+v, %v", c.name, c.qualifier, out, err)
		}
	}
}
