package platform

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	awshttp "github.com/aws/smithy-go/transport/http"

	"github.com/lambdabench/lambdabench/runtime/isolation"
	"github.com/lambdabench/lambdabench/runtime/runtimetest"
)

// What AWS's SDKs want of their surroundings is there.
func TestFunctionsKnowTheirRegionCredentialsAndTrace(t *testing.T) {
	t.Setenv("AWS_SECRET_ACCESS_KEY", "the platform's own")
	r := serve(t, Config{Region: "eu-test-1", Credentials: Credentials{AccessKeyID: "id", SecretAccessKey: "secret"}})
	create(t, r.Client, runtimetest.Interpreter(t, isolation.NodeJS), "f",
		`exports.handler = async () => ['AWS_REGION', 'AWS_DEFAULT_REGION', 'AWS_ACCESS_KEY_ID',
  'AWS_SECRET_ACCESS_KEY', 'AWS_SESSION_TOKEN', '_X_AMZN_TRACE_ID'].map((n) => process.env[n] ?? null);`,
		func(c *lambda.CreateFunctionInput) {
			c.Environment = &types.Environment{Variables: map[string]string{"NODE_OPTIONS": "--enable-source-maps"}}
		})
	out, err := r.Client.Invoke(t.Context(), &lambda.InvokeInput{FunctionName: aws.String("f")},
		lambda.WithAPIOptions(awshttp.SetHeaderValue("X-Amzn-Trace-Id", "Root=1-2-3")))
	if err != nil || string(out.Payload) != `["eu-test-1","eu-test-1","id","secret",null,"Root=1-2-3"]` {
		t.Errorf("%s %v", out.Payload, err)
	}
}
