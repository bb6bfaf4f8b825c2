package mpsc

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
)

// awsExecutor calls AWS Lambda's API at any endpoint: AWS itself or one of our
// own platforms.
type awsExecutor struct{ client *lambda.Client }

func newAWS(p Provider, client *http.Client, getenv func(string) string) (Executor, error) {
	prefix := cmp.Or(p.Credentials, "AWS")
	id, secret := getenv(prefix+"_ACCESS_KEY_ID"), getenv(prefix+"_SECRET_ACCESS_KEY")
	if id == "" || secret == "" {
		return nil, fmt.Errorf("provider %s: %w: set %s_ACCESS_KEY_ID and %s_SECRET_ACCESS_KEY", p.Name,
			ErrNoCredentials, prefix, prefix)
	}
	return awsExecutor{lambda.New(lambda.Options{
		Region:       cmp.Or(p.Namespace, "us-east-1"),
		BaseEndpoint: aws.String(p.APIHost),
		HTTPClient:   client,
		Credentials:  credentials.NewStaticCredentialsProvider(id, secret, getenv(prefix+"_SESSION_TOKEN")),
		Retryer:      aws.NopRetryer{}, // a retry would be timed as part of the round trip
	})}, nil
}

// Execute implements Executor.
func (e awsExecutor) Execute(ctx context.Context, function string, payload []byte) ([]byte, error) {
	out, err := e.client.Invoke(ctx, &lambda.InvokeInput{FunctionName: &function, Payload: payload})
	var status *awshttp.ResponseError
	switch {
	case errors.As(err, &status) && classOfStatus(status.HTTPStatusCode()) != OK:
		return nil, &CallError{classOfStatus(status.HTTPStatusCode()), err.Error()}
	case err != nil:
		return nil, err
	case out.FunctionError != nil:
		return nil, &CallError{FunctionError, string(out.Payload)}
	}
	return out.Payload, nil
}
