package gateway

import (
	"regexp"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

func TestEveryInvocationHasATraceItsClientsOrOneOfItsOwn(t *testing.T) {
	d := open(t, Config{})
	d.create(t, "f")
	in := &lambda.InvokeInput{FunctionName: aws.String("f")}
	own := regexp.MustCompile(`^Root=1-[0-9a-f]{8}-[0-9a-f]{24};Parent=[0-9a-f]{16};Sampled=0$`)
	seen := map[string]bool{}
	for range 2 {
		if _, err := d.Invoke(t.Context(), in); err != nil {
			t.Fatal(err)
		}
		req, _ := d.fake.seen()
		if id := req.Invocation.TraceID; !own.MatchString(id) || seen[id] {
			t.Errorf("without a header the trace is %q", id)
		}
		seen[req.Invocation.TraceID] = true
	}
	for header, want := range map[string]string{"Root=1-2-3;Sampled=1": "Root=1-2-3;Sampled=1", "not a trace": ""} {
		if _, err := d.Invoke(t.Context(), in, withHeader("X-Amzn-Trace-Id", header)); err != nil {
			t.Fatal(err)
		}
		req, _ := d.fake.seen()
		if got := req.Invocation.TraceID; got != want && !(want == "" && own.MatchString(got)) {
			t.Errorf("the header %q becomes the trace %q", header, got)
		}
	}
}

func withHeader(name, value string) func(*lambda.Options) {
	return lambda.WithAPIOptions(smithyhttp.SetHeaderValue(name, value))
}
