package gateway

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/lambdabench/lambdabench/platform/body/bodytest"
	"github.com/lambdabench/lambdabench/platform/dispatch"
	"github.com/lambdabench/lambdabench/platform/door"
	"github.com/lambdabench/lambdabench/platform/lambdatest"
	"github.com/lambdabench/lambdabench/platform/store"
	"github.com/lambdabench/lambdabench/platform/worker"
)

// is tells whether the SDK made an exception of type E of an error.
func is[E error](err error) bool {
	var e E
	return errors.As(err, &e)
}

func TestErrorsOfManagementAreTheSDKsExceptions(t *testing.T) {
	d := open(t, Config{})
	d.create(t, "f")
	ctx, f, none := t.Context(), aws.String("f"), aws.String("none")
	create := func(change func(*lambda.CreateFunctionInput)) error {
		in := newFunction(t, "new")
		change(in)
		_, err := d.CreateFunction(ctx, in)
		return err
	}
	configure := func(change func(*lambda.UpdateFunctionConfigurationInput)) error {
		in := &lambda.UpdateFunctionConfigurationInput{FunctionName: f}
		change(in)
		_, err := d.UpdateFunctionConfiguration(ctx, in)
		return err
	}
	notFound, badValue := is[*types.ResourceNotFoundException], is[*types.InvalidParameterValueException]
	for name, c := range map[string]struct {
		call func() error
		is   func(error) bool
		says string
	}{
		"get": {func() error {
			_, err := d.GetFunction(ctx, &lambda.GetFunctionInput{FunctionName: none})
			return err
		}, notFound, "none"},
		"get version": {func() error {
			_, err := d.GetFunction(ctx, &lambda.GetFunctionInput{FunctionName: f, Qualifier: aws.String("9")})
			return err
		}, notFound, "9"},
		"get alias": {func() error {
			_, err := d.GetFunction(ctx, &lambda.GetFunctionInput{FunctionName: f, Qualifier: aws.String("prod")})
			return err
		}, notFound, "prod"},
		"delete": {func() error {
			_, err := d.DeleteFunction(ctx, &lambda.DeleteFunctionInput{FunctionName: none})
			return err
		}, notFound, "none"},
		"delete $LATEST": {func() error {
			_, err := d.DeleteFunction(ctx, &lambda.DeleteFunctionInput{FunctionName: f,
				Qualifier: aws.String("$LATEST")})
			return err
		}, badValue, "$LATEST"},
		"publish": {func() error {
			_, err := d.PublishVersion(ctx, &lambda.PublishVersionInput{FunctionName: none})
			return err
		}, notFound, "none"},
		"versions": {func() error {
			_, err := d.ListVersionsByFunction(ctx, &lambda.ListVersionsByFunctionInput{FunctionName: none})
			return err
		}, notFound, "none"},
		"concurrency": {func() error {
			_, err := d.GetFunctionConcurrency(ctx, &lambda.GetFunctionConcurrencyInput{FunctionName: none})
			return err
		}, notFound, "none"},
		"too much concurrency": {func() error {
			_, err := d.PutFunctionConcurrency(ctx, &lambda.PutFunctionConcurrencyInput{FunctionName: f,
				ReservedConcurrentExecutions: aws.Int32(1000)})
			return err
		}, badValue, "1000"},
		"exists": {func() error {
			return create(func(in *lambda.CreateFunctionInput) { in.FunctionName = f })
		}, is[*types.ResourceConflictException], "f"},
		"name": {func() error {
			return create(func(in *lambda.CreateFunctionInput) { in.FunctionName = aws.String("a b") })
		}, badValue, "a b"},
		"long name": {func() error {
			return create(func(in *lambda.CreateFunctionInput) {
				in.FunctionName = aws.String(strings.Repeat("a", 65))
			})
		}, badValue, "64"},
		"path as a name": {func() error {
			return create(func(in *lambda.CreateFunctionInput) { in.FunctionName = aws.String("../x") })
		}, badValue, "../x"},
		"runtime": {func() error {
			return create(func(in *lambda.CreateFunctionInput) { in.Runtime = types.RuntimeRuby33 })
		}, badValue, "ruby3.3"},
		"no handler": {func() error {
			return create(func(in *lambda.CreateFunctionInput) { in.Handler = nil })
		}, badValue, "handler"},
		"handler": {func() error {
			return create(func(in *lambda.CreateFunctionInput) { in.Handler = aws.String("a b") })
		}, badValue, "a b"},
		"timeout 0": {func() error {
			return create(func(in *lambda.CreateFunctionInput) { in.Timeout = aws.Int32(0) })
		}, badValue, "timeout"},
		"timeout 901": {func() error {
			return create(func(in *lambda.CreateFunctionInput) { in.Timeout = aws.Int32(901) })
		}, badValue, "901"},
		"memory 127": {func() error {
			return create(func(in *lambda.CreateFunctionInput) { in.MemorySize = aws.Int32(127) })
		}, badValue, "127"},
		"memory 10241": {func() error {
			return create(func(in *lambda.CreateFunctionInput) { in.MemorySize = aws.Int32(10241) })
		}, badValue, "10241"},
		"environment size": {func() error {
			return create(func(in *lambda.CreateFunctionInput) {
				in.Environment = &types.Environment{Variables: map[string]string{"AA": strings.Repeat("x", 4095)}}
			})
		}, badValue, "4KB"},
		"environment name": {func() error {
			return create(func(in *lambda.CreateFunctionInput) {
				in.Environment = &types.Environment{Variables: map[string]string{"1A": ""}}
			})
		}, badValue, "1A"},
		"environment owner": {func() error {
			return create(func(in *lambda.CreateFunctionInput) {
				in.Environment = &types.Environment{Variables: map[string]string{"_HANDLER": "x"}}
			})
		}, badValue, "_HANDLER"},
		"environment of AWS": {func() error {
			return create(func(in *lambda.CreateFunctionInput) {
				in.Environment = &types.Environment{Variables: map[string]string{"AWS_REGION": "x"}}
			})
		}, badValue, "reserved keys"},
		"environment of the runtime's start": {func() error {
			return create(func(in *lambda.CreateFunctionInput) {
				in.Environment = &types.Environment{Variables: map[string]string{"LD_LIBRARY_PATH": "x"}}
			})
		}, badValue, "no effect"},
		"options of the runtime's start": {func() error {
			return create(func(in *lambda.CreateFunctionInput) {
				in.Environment = &types.Environment{
					Variables: map[string]string{"NODE_OPTIONS": "--enable-source-maps --inspect"},
				}
			})
		}, badValue, "--inspect"},
		"no zip": {func() error {
			return create(func(in *lambda.CreateFunctionInput) { in.Code = &types.FunctionCode{} })
		}, badValue, "ZipFile"},
		"broken zip": {func() error {
			return create(func(in *lambda.CreateFunctionInput) { in.Code.ZipFile = []byte("PK no") })
		}, badValue, "package"},
		"path outside": {func() error {
			return create(func(in *lambda.CreateFunctionInput) { in.Code.ZipFile = lambdatest.Zip(t, "../../x", "") })
		}, badValue, "../../x"},
		"bucket": {func() error {
			return create(func(in *lambda.CreateFunctionInput) { in.Code.S3Bucket = aws.String("b") })
		}, badValue, "S3"},
		"layers": {func() error {
			return create(func(in *lambda.CreateFunctionInput) { in.Layers = []string{"arn:aws:lambda:x:1:layer:y:1"} })
		}, badValue, "layers"},
		"image": {func() error {
			return create(func(in *lambda.CreateFunctionInput) { in.PackageType = types.PackageTypeImage })
		}, badValue, "image"},
		"update code": {func() error {
			_, err := d.UpdateFunctionCode(ctx, &lambda.UpdateFunctionCodeInput{FunctionName: none,
				ZipFile: lambdatest.Zip(t, "a", "")})
			return err
		}, notFound, "none"},
		"update bad code": {func() error {
			_, err := d.UpdateFunctionCode(ctx, &lambda.UpdateFunctionCodeInput{FunctionName: f, ZipFile: []byte("PK")})
			return err
		}, badValue, "package"},
		"update version": {func() error {
			_, err := d.UpdateFunctionCode(ctx, &lambda.UpdateFunctionCodeInput{FunctionName: aws.String("f:1"),
				ZipFile: lambdatest.Zip(t, "a", "")})
			return err
		}, badValue, "published"},
		"code revision": {func() error {
			_, err := d.UpdateFunctionCode(ctx, &lambda.UpdateFunctionCodeInput{FunctionName: f,
				ZipFile: lambdatest.Zip(t, "a", ""), RevisionId: aws.String("old")})
			return err
		}, is[*types.PreconditionFailedException], "revision"},
		"revision": {func() error {
			return configure(func(in *lambda.UpdateFunctionConfigurationInput) { in.RevisionId = aws.String("old") })
		}, is[*types.PreconditionFailedException], "revision"},
		"configured timeout": {func() error {
			return configure(func(in *lambda.UpdateFunctionConfigurationInput) { in.Timeout = aws.Int32(0) })
		}, badValue, "timeout"},
		"list size": {func() error {
			_, err := d.ListFunctions(ctx, &lambda.ListFunctionsInput{MaxItems: aws.Int32(0)})
			return err
		}, badValue, "maxItems"},
	} {
		t.Run(name, func(t *testing.T) {
			err := c.call()
			if err == nil || !c.is(err) || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%v", err)
			}
		})
	}
	if list, err := d.ListFunctions(ctx, &lambda.ListFunctionsInput{}); err != nil || len(list.Functions) != 1 {
		t.Errorf("what was refused is there: %+v, %v", list, err)
	}
}

func TestErrorsOfInvocationsAreTheSDKsExceptions(t *testing.T) {
	d := open(t, Config{})
	d.create(t, "f")
	for name, c := range map[string]struct {
		from error
		is   func(error) bool
		code int
	}{
		"throttled": {&dispatch.Throttled{Function: "f", Reason: dispatch.ReasonFunction},
			is[*types.TooManyRequestsException], 429},
		"no place":        {fmt.Errorf("invoke: %w", worker.ErrNoPlace), is[*types.TooManyRequestsException], 429},
		"unknown runtime": {worker.ErrUnknownRuntime, is[*types.InvalidRuntimeException], 502},
		"closed":          {worker.ErrClosed, is[*types.ServiceException], 503},
		"anything":        {errors.New("boot failed"), is[*types.ServiceException], 500},
		"payload":         {worker.ErrPayloadTooLarge, is[*types.RequestTooLargeException], 413},
	} {
		t.Run(name, func(t *testing.T) {
			d.fake.mu.Lock()
			d.fake.answer = func(context.Context, worker.Request) (worker.Response, error) {
				return worker.Response{}, c.from
			}
			d.fake.mu.Unlock()
			_, err := d.Invoke(t.Context(), &lambda.InvokeInput{FunctionName: aws.String("f")})
			var status interface{ HTTPStatusCode() int }
			if !c.is(err) || !errors.As(err, &status) || status.HTTPStatusCode() != c.code {
				t.Errorf("%v", err)
			}
			var throttled *types.TooManyRequestsException
			if name == "throttled" && (!errors.As(err, &throttled) ||
				throttled.Reason != types.ThrottleReasonReservedFunctionConcurrentInvocationLimitExceeded) {
				t.Errorf("%+v", throttled)
			}
		})
	}
	for name, c := range map[string]struct {
		in lambda.InvokeInput
		is func(error) bool
	}{
		"unknown function": {lambda.InvokeInput{FunctionName: aws.String("none")},
			is[*types.ResourceNotFoundException]},
		"unknown version": {lambda.InvokeInput{FunctionName: aws.String("f"), Qualifier: aws.String("3")},
			is[*types.ResourceNotFoundException]},
		"two versions": {lambda.InvokeInput{FunctionName: aws.String("f:2"), Qualifier: aws.String("3")},
			is[*types.InvalidParameterValueException]},
		"another account": {
			lambda.InvokeInput{FunctionName: aws.String("arn:aws:lambda:us-east-1:111111111111:function:f")},
			is[*types.ResourceNotFoundException],
		},
		"another region": {
			lambda.InvokeInput{FunctionName: aws.String("arn:aws:lambda:eu-west-1:000000000000:function:f")},
			is[*types.ResourceNotFoundException],
		},
		"no ARN": {
			lambda.InvokeInput{FunctionName: aws.String("arn:aws:s3:us-east-1:000000000000:function:f")},
			is[*types.InvalidParameterValueException],
		},
		"no JSON": {lambda.InvokeInput{FunctionName: aws.String("f"), Payload: []byte("{")},
			is[*types.InvalidRequestContentException]},
		"bad client context": {lambda.InvokeInput{FunctionName: aws.String("f"), ClientContext: aws.String("%%")},
			is[*types.InvalidRequestContentException]},
		"context no JSON": {lambda.InvokeInput{FunctionName: aws.String("f"), ClientContext: aws.String("e30g===")},
			is[*types.InvalidRequestContentException]},
		"invocation type": {lambda.InvokeInput{FunctionName: aws.String("f"), InvocationType: "Later"},
			is[*types.InvalidParameterValueException]},
		"over 6 MB": {lambda.InvokeInput{FunctionName: aws.String("f"),
			Payload: []byte(`"` + strings.Repeat("x", 6<<20-1) + `"`)}, is[*types.RequestTooLargeException]},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := d.Invoke(t.Context(), &c.in); !c.is(err) {
				t.Errorf("%v", err)
			}
		})
	}
	d.fake.answer = nil
	out, err := d.Invoke(t.Context(), &lambda.InvokeInput{FunctionName: aws.String("f"),
		Payload: []byte(`"` + strings.Repeat("x", 6<<20-2) + `"`)})
	if err != nil || len(out.Payload) != 6<<20 {
		t.Errorf("exactly 6 MB: %v", err)
	}
}

func TestFullDiskIsCodeStorageExceeded(t *testing.T) {
	e := translate(fmt.Errorf("unpack: %w", store.ErrDiskFull))
	if e.kind != "CodeStorageExceededException" || e.status != http.StatusBadRequest ||
		!strings.Contains(e.message, "disk is full") {
		t.Errorf("%+v", e)
	}
}

// raw sends a request as no SDK would.
func raw(t *testing.T, method, url, body string) (int, string, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer http.DefaultClient.CloseIdleConnections()
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	answer, _ := io.ReadAll(res.Body)
	return res.StatusCode, res.Header.Get("X-Amzn-Errortype"), string(answer)
}

func TestRequestsThatNoSDKSends(t *testing.T) {
	d := open(t, Config{})
	d.create(t, "f")
	const at = "/2015-03-31/functions"
	for name, c := range map[string]struct {
		method, path, body string
		status             int
		kind               string
	}{
		"bad JSON": {"POST", at, `{"FunctionName":`, 400, "InvalidRequestContentException"},
		"bad base64": {"POST", at,
			`{"FunctionName":"g","Runtime":"nodejs20.x","Handler":"a.b","Code":{"ZipFile":"%%"}}`, 400,
			"InvalidRequestContentException"},
		"wrong type": {"POST", at, `{"FunctionName":7}`, 400, "InvalidRequestContentException"},
		"two values": {"POST", at, `{"FunctionName":"g"} {}`, 400, "InvalidRequestContentException"},
		"empty body": {"POST", at, ``, 400, "InvalidParameterValueException"},
		"huge timeout": {"PUT", at + "/f/configuration", `{"Timeout":9223372036854775807}`, 400,
			"InvalidParameterValueException"},
		"unknown call":    {"GET", "/2015-03-31/layers", ``, 404, "ResourceNotFoundException"},
		"unknown method":  {"PATCH", at + "/f", ``, 404, "ResourceNotFoundException"},
		"escaped slashes": {"GET", at + "/..%2f..%2fetc", ``, 400, "InvalidParameterValueException"},
		"bad marker":      {"GET", at + "/f/versions?Marker=x", ``, 400, "InvalidParameterValueException"},
		"no concurrency":  {"PUT", "/2017-10-31/functions/f/concurrency", `{}`, 400, "InvalidParameterValueException"},
		"code of none":    {"GET", "/code/none", ``, 404, "ResourceNotFoundException"},
	} {
		t.Run(name, func(t *testing.T) {
			status, kind, body := raw(t, c.method, d.url+c.path, c.body)
			if status != c.status || kind != c.kind || !strings.Contains(body, `"Message"`) {
				t.Errorf("%d %s %s", status, kind, body)
			}
		})
	}
}

// hugeBody sends the head of a request with a body of 100 MB, then chunks until
// the server answers. It returns the answer's status and what was sent.
func hugeBody(t *testing.T, d *opened, path string, chunked bool) (int, int64) {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(d.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	length := "Content-Length: 104857600\r\n"
	if chunked {
		length = "Transfer-Encoding: chunked\r\n"
	}
	fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: x\r\n%s\r\n", path, length)
	answered := make(chan int, 1)
	go func() {
		res, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			answered <- 0
			return
		}
		res.Body.Close()
		answered <- res.StatusCode
	}()
	piece := bytes.Repeat([]byte(" "), 1<<20)
	if chunked {
		piece = fmt.Appendf(nil, "%x\r\n%s\r\n", len(piece), piece)
	}
	sent := int64(0)
	for sent < 100<<20 {
		select {
		case status := <-answered:
			return status, sent
		default:
		}
		n, err := conn.Write(piece)
		sent += int64(n)
		if err != nil {
			break
		}
	}
	return <-answered, sent
}

func TestBodyOf100MBIsRefusedUnread(t *testing.T) {
	d := open(t, Config{})
	d.create(t, "f")
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for _, path := range []string{"/2015-03-31/functions", "/2015-03-31/functions/f/invocations"} {
		status, sent := hugeBody(t, d, path, false)
		if status != http.StatusRequestEntityTooLarge || sent > 20<<20 {
			t.Errorf("%s: status %d after %d bytes", path, status, sent)
		}
	}
	runtime.ReadMemStats(&after)
	if n := after.TotalAlloc - before.TotalAlloc; n > 4<<20 {
		t.Errorf("%d bytes were allocated", n)
	}
	if status, sent := hugeBody(t, d, "/2015-03-31/functions/f/invocations",
		true); status != http.StatusRequestEntityTooLarge || sent > 30<<20 {
		t.Errorf("without a length: status %d after %d bytes", status, sent)
	}
	if status, _ := hugeBody(t, d, "/2015-03-31/functions", true); status != http.StatusRequestEntityTooLarge {
		t.Errorf("without a length: status %d", status)
	}
}

func TestBodyThatDoesNotArriveIsNotWaitedFor(t *testing.T) {
	d := open(t, Config{bodyTime: 50 * time.Millisecond})
	d.create(t, "f")
	for _, path := range []string{"/2015-03-31/functions", "/2015-03-31/functions/f/invocations"} {
		status, answer := bodytest.Stall(t, d.url, "POST", path)
		if status != http.StatusRequestTimeout || !strings.Contains(answer,
			"body did not arrive in time: 1 of 100 bytes came") {
			t.Errorf("%s: %d %s", path, status, answer)
		}
	}
}

func TestFunctionMayRunLongerThanABodyMayTake(t *testing.T) {
	d := open(t, Config{bodyTime: 50 * time.Millisecond})
	d.create(t, "f")
	d.fake.answer = func(ctx context.Context, _ worker.Request) (worker.Response, error) {
		select {
		case <-ctx.Done():
			return worker.Response{}, ctx.Err()
		case <-time.After(200 * time.Millisecond):
			return worker.Response{}, nil
		}
	}
	if _, err := d.Invoke(t.Context(), &lambda.InvokeInput{FunctionName: aws.String("f"),
		Payload: []byte("{}")}); err != nil {
		t.Error(err)
	}
}

func TestReservationThatCannotBeStoredIsTakenBack(t *testing.T) {
	d := open(t, Config{})
	d.create(t, "f")
	if err := d.store.Close(); err != nil {
		t.Fatal(err)
	}
	_, err := d.PutFunctionConcurrency(t.Context(), &lambda.PutFunctionConcurrencyInput{FunctionName: aws.String("f"),
		ReservedConcurrentExecutions: aws.Int32(5)})
	if !is[*types.ServiceException](err) || len(d.fake.limits) != 0 {
		t.Errorf("%v, %v", err, d.fake.limits)
	}
}

func TestAMalformedBodyIs400AndNoErrorInTheLog(t *testing.T) {
	var log bytes.Buffer
	d := open(t, Config{Hooks: door.Hooks{Log: slog.New(slog.NewTextHandler(&log, nil))}})
	d.create(t, "f")
	for _, path := range []string{"/2015-03-31/functions", "/2015-03-31/functions/f/invocations"} {
		conn, err := net.Dial("tcp", strings.TrimPrefix(d.url, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		fmt.Fprintf(conn,
			"POST %s HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFF0\r\nx", path)
		res, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil || res.StatusCode != http.StatusBadRequest ||
			res.Header.Get("X-Amzn-Errortype") != "InvalidRequestContentException" {
			t.Errorf("%s: %+v, %v", path, res, err)
		}
	}
	if strings.Contains(log.String(), "ERROR") {
		t.Errorf("the log says %s", &log)
	}
}
