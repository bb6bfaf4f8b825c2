package platform

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/lambdabench/lambdabench/runtime/isolation"
	"github.com/lambdabench/lambdabench/runtime/runtimetest"
)

func TestAFunctionReadsNeitherTheDatabasesNorAnothersCode(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("functions run under a user of their own where the platform is root")
	}
	in := runtimetest.Interpreter(t, isolation.NodeJS)
	r := serve(t, Config{})
	create(t, r.Client, in, "victim", `exports.handler = async () => null // and a secret`,
		func(c *lambda.CreateFunctionInput) {
			c.Environment = &types.Environment{Variables: map[string]string{"DB_PASSWORD": "secret"}}
		})
	create(t, r.Client, in, "thief", `const fs = require('fs');
exports.handler = async (e) => e.paths.filter((p) => {
  try { fs.accessSync(p, fs.constants.R_OK); return true } catch { return false }
})`, nil)
	fn, err := r.Store.Of(r.Store.Owners("lambda")[0]).Get("victim", "")
	if err != nil {
		t.Fatal(err)
	}
	data := r.Platform.cfg.Data
	paths := `"` + filepath.Join(fn.Package, "index.js") + `","` + r.Store.Archive(fn) + `","` + data + `"`
	for _, file := range []string{"functions.db", "functions.db-wal", "openwhisk.db", "openwhisk.db-wal", "code"} {
		if _, err := os.Stat(filepath.Join(data, file)); err != nil {
			t.Fatal(err)
		}
		paths += `,"` + filepath.Join(data, file) + `"`
	}
	if out := invoke(t, r.Client, "thief", `{"paths":[`+paths+`]}`); string(out.Payload) != "[]" {
		t.Errorf("a function can read %s", out.Payload)
	}
}
