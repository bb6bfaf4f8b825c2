package gateway_test

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/lambdabench/lambdabench/platform/gateway"
	"github.com/lambdabench/lambdabench/platform/store"
	"github.com/lambdabench/lambdabench/platform/worker"
	"github.com/lambdabench/lambdabench/runtime/isolation"
)

// echo stands for a *dispatch.Dispatcher: it answers with the event.
type echo struct{}

func (echo) Invoke(_ context.Context, req worker.Request) (worker.Response, error) {
	return worker.Response{Result: isolation.Result{Outcome: isolation.OK, Payload: req.Invocation.Payload},
		Path: worker.Hot}, nil
}

// AWS's own client creates a function and calls it.
func Example() {
	dir, err := os.MkdirTemp("", "gateway-")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	functions, err := store.Open(dir)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer functions.Close()
	g := gateway.New(gateway.Config{Runtimes: []string{"nodejs20.x"}}, functions, echo{})
	defer g.Close(context.Background())
	server := httptest.NewServer(g)
	defer server.Close()

	connections := &http.Client{Transport: &http.Transport{}}
	defer connections.CloseIdleConnections()
	client := lambda.NewFromConfig(aws.Config{
		Region: "us-east-1", BaseEndpoint: aws.String(server.URL), HTTPClient: connections,
		Credentials: credentials.NewStaticCredentialsProvider("any", "thing", ""),
	})
	ctx := context.Background()
	made, err := client.CreateFunction(ctx, &lambda.CreateFunctionInput{
		FunctionName: aws.String("hello"), Runtime: types.RuntimeNodejs20x, Handler: aws.String("index.handler"),
		Role: aws.String("arn:aws:iam::000000000000:role/any"), Code: &types.FunctionCode{ZipFile: packed()},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(*made.FunctionArn, made.State)
	out, err := client.Invoke(ctx, &lambda.InvokeInput{FunctionName: aws.String("hello"),
		Payload: []byte(`{"who":"you"}`)})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(out.StatusCode, string(out.Payload))
	_, err = client.Invoke(ctx, &lambda.InvokeInput{FunctionName: aws.String("bye")})
	var none *types.ResourceNotFoundException
	fmt.Println(errors.As(err, &none))
	// Output:
	// arn:aws:lambda:us-east-1:000000000000:function:hello Active
	// 200 {"who":"you"}
	// true
}

func packed() []byte {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	if f, err := w.Create("index.js"); err == nil {
		f.Write([]byte("exports.handler = async (event) => event"))
	}
	w.Close()
	return b.Bytes()
}
