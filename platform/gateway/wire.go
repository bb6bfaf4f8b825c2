package gateway

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/lambdabench/lambdabench/platform/body"
	"github.com/lambdabench/lambdabench/platform/store"
)

// code is a request's package; FunctionCode in AWS's API.
type code struct {
	ZipFile  []byte // base64 in JSON
	S3Bucket string
	ImageURI string `json:"ImageUri"`
}

// settings are what CreateFunction and UpdateFunctionConfiguration share. A
// nil field was not sent.
type settings struct {
	Runtime     *string
	Handler     *string
	Role        *string
	Description *string
	Timeout     *int
	MemorySize  *int
	Environment *struct{ Variables map[string]string }
	RevisionID  string `json:"RevisionId"`

	// A function that needs these would not work without them, so they are refused.
	Layers            []string
	FileSystemConfigs []json.RawMessage
}

type createRequest struct {
	settings
	FunctionName string
	Code         code
	PackageType  string
	Publish      bool
}

type updateCodeRequest struct {
	code
	Publish    bool
	DryRun     bool
	RevisionID string `json:"RevisionId"`
}

// Bounds of a request, bytes: one with code leaves room for 50 MB in base64,
// others have an environment of 4 KB at most.
const (
	maxRequest  = store.MaxZipBytes/3*4 + 1<<20
	maxSettings = 256 << 10
)

// readRequest decodes a JSON request. Fields that this platform does not have
// (VPC, tracing, …) are passed over, as a client for AWS may well send them.
func readRequest(w http.ResponseWriter, r *http.Request, limit int64, into any) error {
	data, err := body.Read(w, r, limit)
	if err != nil || len(data) == 0 {
		return err
	}
	if err := json.Unmarshal(data, into); err != nil {
		return apiError{http.StatusBadRequest, "InvalidRequestContentException",
			"Could not parse request body into json: " + err.Error()}
	}
	return nil
}

// configuration is a function in AWS's own type. Its fields have no JSON tags:
// their names are those of the API.
func (g *Gateway) configuration(fn *store.Function, withVersion bool) types.FunctionConfiguration {
	arn := g.arn(fn)
	if withVersion {
		arn = g.versionARN(fn)
	}
	c := types.FunctionConfiguration{
		FunctionName: aws.String(fn.Name), FunctionArn: aws.String(arn), Version: aws.String(fn.Version),
		Runtime: types.Runtime(fn.Runtime), Handler: aws.String(fn.Handler), Role: aws.String(fn.Role),
		Description: aws.String(fn.Description),
		Timeout:     aws.Int32(int32(fn.Timeout / time.Second)), MemorySize: aws.Int32(int32(fn.MemoryMB)),
		CodeSha256: aws.String(awsHash(fn.CodeSHA256)), CodeSize: fn.CodeSize,
		LastModified: aws.String(fn.Modified.Format("2006-01-02T15:04:05.000-0700")),
		RevisionId:   aws.String(fn.Revision),
		State:        types.StateActive, LastUpdateStatus: types.LastUpdateStatusSuccessful,
		PackageType: types.PackageTypeZip, Architectures: []types.Architecture{types.ArchitectureX8664},
		TracingConfig: &types.TracingConfigResponse{Mode: types.TracingModePassThrough},
	}
	if len(fn.Environment) > 0 {
		c.Environment = &types.EnvironmentResponse{Variables: fn.Environment}
	}
	return c
}

// awsHash is a hash as AWS writes it, in base64.
func awsHash(hexadecimal string) string {
	raw, err := hex.DecodeString(hexadecimal)
	if err != nil {
		return ""
	}
	return base64.StdEncoding.EncodeToString(raw)
}

// compact drops the members that AWS omits: nulls and empty strings, except
// Description.
func compact(v any) (map[string]any, error) {
	data, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("encode the answer: %w", err)
	}
	var m map[string]any
	if err := json.Unmarshal(data, &m); err != nil {
		return nil, fmt.Errorf("encode the answer: %w", err)
	}
	for k, v := range m {
		if v == nil || v == "" && k != "Description" {
			delete(m, k)
		}
	}
	return m, nil
}
