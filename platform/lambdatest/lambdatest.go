// Package lambdatest is for tests of whatever has AWS Lambda's API, as
// net/http/httptest is for tests of servers.
package lambdatest

import (
	"archive/zip"
	"bytes"
	"io"
	"net/http"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
)

// Client is AWS's client of a platform. It tries each request once, and leaves
// no connection open when the test has ended.
func Client(t testing.TB, url string) *lambda.Client {
	hc := &http.Client{Transport: &http.Transport{}}
	t.Cleanup(hc.CloseIdleConnections)
	return lambda.NewFromConfig(aws.Config{
		Region: "us-east-1", BaseEndpoint: aws.String(url), HTTPClient: hc,
		Credentials: credentials.NewStaticCredentialsProvider("any", "thing", ""),
		Retryer:     func() aws.Retryer { return aws.NopRetryer{} },
	})
}

// Zip makes an archive of name, content pairs.
func Zip(t testing.TB, files ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for i := 0; i < len(files); i += 2 {
		f, err := w.Create(files[i])
		if err == nil {
			_, err = io.WriteString(f, files[i+1])
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
